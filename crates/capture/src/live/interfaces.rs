//! All interfaces together: merged where there are several, straight from the ring where there is one.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::error::{LiveError, Notice};
use super::interface::{Drops, Interface};
use super::merge::{Gives, Lane, merge};
use super::now::now;
use super::{Options, STDIN};
use crate::frame::Frame;

/// How soon frames that wait for the other interfaces are to be looked at again.
pub(crate) const SOON: Duration = Duration::from_millis(20);

/// Frames that are handed on in one go.
const BATCH: usize = 1024;

/// The interfaces.
pub(crate) struct Interfaces {
    lanes: Vec<Lane<Interface>>,
    notices: VecDeque<Notice>,
    ended: bool,
}

impl Interfaces {
    pub(crate) fn open(options: &Options) -> Result<Interfaces, LiveError> {
        let open = |(number, name): (u32, &String)| Interface::open(number, name, options).map(Lane::new);
        let names = options.interfaces.iter().filter(|name| *name != STDIN);
        let lanes = (0..).zip(names).map(open).collect::<Result<_, _>>()?;
        Ok(Interfaces { lanes, notices: VecDeque::new(), ended: false })
    }

    /// Hands frames on; gives how many.
    pub(crate) fn read(&mut self, take: &mut impl FnMut(&Frame<'_>)) -> usize {
        let taken = match &mut self.lanes[..] {
            [] => return 0,
            [only] => read_one(&mut only.giver, take),
            several => merge(several, (!self.ended).then(now), BATCH, take),
        };
        self.notices.extend(self.lanes.iter_mut().filter_map(|lane| lane.giver.news()));
        taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Whether frames are held back.
    pub(crate) fn hold_back(&self) -> bool {
        self.lanes.iter().any(Lane::is_held)
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.lanes.iter().filter_map(|lane| lane.giver.fd())
    }

    pub(crate) fn drops(&mut self) -> Drops {
        self.lanes.iter_mut().map(|lane| lane.giver.drops()).sum()
    }

    pub(crate) fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }
}

fn read_one(interface: &mut Interface, take: &mut impl FnMut(&Frame<'_>)) -> usize {
    for taken in 0..BATCH {
        let mut came = false;
        interface.give(|frame| {
            came = true;
            take(frame);
        });
        if !came {
            return taken;
        }
    }
    BATCH
}
