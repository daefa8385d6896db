//! What frames come out of.

use crate::error::Error;
use crate::frame::Frame;
use crate::replay::Replay;

/// Something that lends frames one after the other: capture files, or an interface.
pub trait Source {
    /// The next frame, lent until the next call; `None` at the end.
    ///
    /// An error does not end the source: the next call goes on with what is left.
    fn next(&mut self) -> Result<Option<Frame<'_>>, Error>;
}

impl Source for Replay {
    #[inline]
    fn next(&mut self) -> Result<Option<Frame<'_>>, Error> {
        Replay::next(self)
    }
}
