//! Sources that go on: interfaces, the agents that send HEP, and a capture on standard input that grows.
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
mod piped;
mod round;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::frame::Frame;
use crate::input::Input;

use agents::Agents;
use interfaces::Interfaces;
use piped::Piped;

pub use agents::AgentCounts;
pub use devices::{Device, devices};
pub use error::{LiveError, Notice};
pub use interface::Drops;
pub use now::now;

/// What is listened to, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The interfaces by name; `any` is all of them, [`STDIN`] a capture that comes by standard input.
    pub interfaces: Vec<String>,
    /// How much of each frame is captured.
    pub snaplen: u32,
    /// How many bytes of frames the kernel may hold for each interface.
    pub buffer_bytes: u32,
    /// Whether frames for others are captured, too.
    pub promiscuous: bool,
    /// Whose clock stamps the frames.
    pub time_stamps: TimeStamps,
    /// A filter in pcap's language.
    pub filter: Option<String>,
    /// The addresses at which agents may send HEP, by UDP and by TCP.
    pub agents: Vec<SocketAddr>,
    /// The key that they must show, if any.
    pub key: Option<Vec<u8>>,
    /// How many of them may be connected by TCP to one address.
    pub connections: usize,
}

/// Whose clock stamps the frames of an interface, as pcap-tstamp(7) has it. Where a card cannot, the kernel does.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum TimeStamps {
    /// The kernel's.
    #[default]
    Host,
    /// The card's, which follows the system's.
    Adapter,
    /// The card's own, whatever it shows.
    AdapterUnsynced,
}

/// The name of standard input among the interfaces.
pub const STDIN: &str = "-";

impl Default for Options {
    fn default() -> Options {
        Options {
            interfaces: Vec::new(),
            snaplen: 262_144,
            buffer_bytes: 64 << 20,
            promiscuous: true,
            time_stamps: TimeStamps::Host,
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
    /// Standard input.
    Stdin,
}

/// Where the numbers begin by which agents are told apart, and the interfaces of a capture on standard input; those of
/// this machine's own interfaces begin at 0.
const AGENTS: u32 = 1 << 31;
const PIPED: u32 = 1 << 16;

/// The open sources.
pub struct Live {
    interfaces: Interfaces,
    agents: Vec<Agents>,
    stdin: Option<Piped>,
    notices: VecDeque<Notice>,
}

impl Live {
    /// Opens all of them, or none.
    ///
    /// # Errors
    /// Of the first that cannot be opened.
    pub fn open(options: &Options) -> Result<Live, LiveError> {
        let interfaces = Interfaces::open(options)?;
        let agents = options.agents.iter().map(|&address| Agents::listen(address, options));
        let agents = agents.collect::<Result<_, _>>()?;
        let reads_stdin = options.interfaces.iter().any(|name| name == STDIN);
        let stdin = reads_stdin.then(|| Piped::start(Input::Stdin)).transpose();
        let stdin = stdin.map_err(|source| LiveError::Stdin { source })?;
        Ok(Live { interfaces, agents, stdin, notices: VecDeque::new() })
    }

    /// Where agents are listened to: the addresses asked for, with the ports that the system chose for 0.
    pub fn agent_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.agents.iter().map(Agents::address)
    }

    /// Hands frames that are there to `take`, those of all interfaces in the order of their times; gives how many.
    /// There may be more.
    pub fn read(&mut self, mut take: impl FnMut(Origin, &Frame<'_>)) -> usize {
        let of_interfaces = self.interfaces.read(&mut |frame: &Frame<'_>| take(Origin::Interface, frame));
        let mut of_agents = 0;
        for agents in &mut self.agents {
            of_agents += agents.read(&mut |frame: &Frame<'_>| take(Origin::Agent, frame));
        }
        let (stdin, notices) = (self.stdin.as_mut(), &mut self.notices);
        let of_stdin = |stdin: &mut Piped| stdin.read(&mut |frame| take(Origin::Stdin, frame), notices);
        of_interfaces + of_agents + stdin.map_or(0, of_stdin)
    }

    /// Whether nothing can come any more: standard input is at its end, and there is no other source.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let others = !self.agents.is_empty() || !self.interfaces.is_empty();
        !others && self.stdin.as_ref().is_none_or(Piped::is_over)
    }

    /// Waits until a source has something, but no longer than `most`.
    pub fn wait(&self, most: Duration) {
        let most = if self.interfaces.hold_back() { most.min(interfaces::SOON) } else { most };
        // At its end it would be ready for ever.
        let stdin = self.stdin.iter().filter(|stdin| !stdin.is_over()).map(Piped::fd);
        let fds = self.interfaces.fds().chain(self.agents.iter().flat_map(Agents::fds)).chain(stdin);
        let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let timeout = Timespec::try_from(most).ok();
        // A signal ends it early, and that is as good as a frame.
        let _ = poll(&mut fds, timeout.as_ref());
    }

    /// Nothing is waited for any more: the next reads give what was held back for its turn, too.
    pub fn end(&mut self) {
        self.interfaces.end();
    }

    /// What was lost of the frames of that origin before they came here.
    pub fn drops(&mut self, origin: Origin) -> Drops {
        match origin {
            Origin::Interface => self.interfaces.drops(),
            Origin::Agent => self.agents.iter_mut().map(Agents::drops).sum(),
            Origin::Stdin => Drops::default(),
        }
    }

    /// What agents sent, and what became of it.
    #[must_use]
    pub fn agent_counts(&self) -> AgentCounts {
        self.agents.iter().map(Agents::counts).sum()
    }

    /// An interface that was lost or came back, or what is wrong with standard input, if there is news.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.interfaces.poll_notice().or_else(|| self.notices.pop_front())
    }
}
