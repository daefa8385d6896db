//! Sources that go on: interfaces and the agents that send HEP.
//!
//! [`Live::read`] hands on what is there, [`Live::wait`] sleeps until there is more. Both return soon, whether or not
//! anything comes, so that whoever asks can look after time and signals. What a frame carries is not known here.

mod agents;
mod connection;
mod devices;
mod drops;
mod error;
mod interface;
mod interfaces;
mod listener;
mod merge;
mod now;

use std::net::SocketAddr;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::frame::Frame;

use agents::Agents;
use interfaces::Interfaces;

pub use agents::AgentCounts;
pub use devices::{Device, devices};
pub use error::{LiveError, Notice};
pub use interface::Drops;
pub use now::now;

/// What is listened to, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The interfaces by name; `any` is all of them.
    pub interfaces: Vec<String>,
    /// How much of each frame is captured.
    pub snaplen: u32,
    /// How many bytes of frames the kernel may hold for each interface.
    pub buffer_bytes: u32,
    /// Whether frames for others are captured, too.
    pub promiscuous: bool,
    /// A filter in pcap's language.
    pub filter: Option<String>,
    /// The addresses at which agents may send HEP, by UDP and by TCP.
    pub agents: Vec<SocketAddr>,
    /// The key that they must show, if any.
    pub key: Option<Vec<u8>>,
    /// How many of them may be connected by TCP to one address.
    pub connections: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            interfaces: Vec::new(),
            snaplen: 262_144,
            buffer_bytes: 64 << 20,
            promiscuous: true,
            filter: None,
            agents: Vec::new(),
            key: None,
            connections: 256,
        }
    }
}

/// Which kind of source a frame came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A network interface.
    Interface,
    /// An agent that sends HEP.
    Agent,
}

/// The open sources.
pub struct Live {
    interfaces: Interfaces,
    agents: Vec<Agents>,
}

impl Live {
    /// Opens all of them, or none.
    ///
    /// # Errors
    /// Of the first that cannot be opened.
    pub fn open(options: &Options) -> Result<Live, LiveError> {
        let interfaces = Interfaces::open(options)?;
        let agents = options.agents.iter().map(|&address| Agents::listen(address, options));
        Ok(Live { interfaces, agents: agents.collect::<Result<_, _>>()? })
    }

    /// Where agents are listened to: the addresses asked for, with the ports that the system chose for 0.
    pub fn agent_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.agents.iter().map(Agents::address)
    }

    /// Hands frames that are there to `take`, those of all interfaces in the order of their times; gives how many.
    /// There may be more.
    pub fn read(&mut self, mut take: impl FnMut(Origin, &Frame<'_>)) -> usize {
        let of_interfaces = self.interfaces.read(&mut |frame: &Frame<'_>| take(Origin::Interface, frame));
        let agents = self.agents.iter_mut();
        let of_agents = agents.map(|agents| agents.read(&mut |frame: &Frame<'_>| take(Origin::Agent, frame)));
        of_interfaces + of_agents.sum::<usize>()
    }

    /// Waits until a source has something, but no longer than `most`.
    pub fn wait(&self, most: Duration) {
        let most = if self.interfaces.hold_back() { most.min(interfaces::SOON) } else { most };
        let fds = self.interfaces.fds().chain(self.agents.iter().flat_map(Agents::fds));
        let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let timeout = Timespec::try_from(most).ok();
        // A signal ends it early, and that is as good as a frame.
        let _ = poll(&mut fds, timeout.as_ref());
    }

    /// Nothing is waited for any more: the next reads give what was held back for its turn, too.
    pub fn end(&mut self) {
        self.interfaces.end();
    }

    /// What the interfaces and the kernel lost, and what of it lay in `Origin`.
    pub fn drops(&mut self, origin: Origin) -> Drops {
        match origin {
            Origin::Interface => self.interfaces.drops(),
            Origin::Agent => self.agents.iter_mut().map(Agents::drops).sum(),
        }
    }

    /// What agents sent, and what became of it.
    #[must_use]
    pub fn agent_counts(&self) -> AgentCounts {
        self.agents.iter().map(Agents::counts).sum()
    }

    /// An interface that was lost or came back, if there is news.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.interfaces.poll_notice()
    }
}
