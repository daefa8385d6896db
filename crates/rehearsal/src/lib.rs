//! A call that never was: its frames, as an interface would show them, and each party's samples as a recorder must
//! place them. What becomes of the frames is not known here; whoever has them recorded compares.

mod call;
mod script;
mod speech;

pub use call::{Call, Frame};
