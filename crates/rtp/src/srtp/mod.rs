//! SRTP opened again where the keys are known (RFC 3711, RFC 6188, RFC 7714). A key is never shown, not even by `Debug`.
//!
//! A recorder may join late and see no key exchange in order, so it takes nobody's word: of all the keys that a party
//! named, and of all the rollover counters that may hold, those count under which a packet proves genuine.

mod derivation;
mod opener;
mod suite;

pub use opener::{Counts, Opener, Refusal, Sealed};
pub use suite::{MasterKey, Suite};
