//! The agents that send HEP to one address: their datagrams, and their connections up to a limit.
//!
//! What an agent saw is handed on as a frame of the link type raw IP, with headers made for it, and goes the way of all
//! frames from there. Its time is the agent's.

use std::iter::Sum;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use hep::{Reader, Refused};

use super::connection::Connection;
use super::drops::{self, Carried};
use super::error::LiveError;
use super::interface::Drops;
use super::listener::Listener;
use super::now::now;
use super::round::Round;
use super::{AGENTS, Options};
use crate::frame::Frame;

/// One address and who sends to it.
pub(crate) struct Agents {
    listener: Listener,
    connections: Vec<Connection>,
    most_connections: usize,
    round: u64,
    buffer: Vec<u8>,
    desk: Desk,
    lost: Carried,
}

/// What agents sent, by what became of it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AgentCounts {
    /// Packets handed on as frames.
    pub carried: u64,
    /// Packets that gave none, by the position of the reason in [`Refused::ALL`].
    pub refused: [u64; Refused::ALL.len()],
    /// Bytes of connections that belonged to no packet.
    pub skipped_bytes: u64,
    /// Agents connected now.
    pub connections: usize,
    /// Agents that may be connected.
    pub most_connections: usize,
    /// Connections that had to make room.
    pub evicted: u64,
}

impl Sum for AgentCounts {
    fn sum<I: Iterator<Item = AgentCounts>>(counts: I) -> AgentCounts {
        counts.fold(AgentCounts::default(), |mut sum, one| {
            sum.carried += one.carried;
            sum.refused.iter_mut().zip(one.refused).for_each(|(sum, one)| *sum += one);
            sum.skipped_bytes += one.skipped_bytes;
            sum.connections += one.connections;
            sum.most_connections += one.most_connections;
            sum.evicted += one.evicted;
            sum
        })
    }
}

/// Datagrams that are read in one go, before connections have their turn.
const BATCH: usize = 256;
/// The largest datagram, and a piece of a connection.
const LARGEST: usize = 65_536;

impl Agents {
    pub(crate) fn listen(address: SocketAddr, options: &Options) -> Result<Agents, LiveError> {
        let listener = Listener::bind(address).map_err(|source| LiveError::Listen { address, source })?;
        Ok(Agents {
            listener,
            connections: Vec::new(),
            most_connections: options.connections,
            round: 0,
            buffer: vec![0; LARGEST],
            desk: Desk::new(options.key.clone()),
            lost: Carried::default(),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// Hands on what was sent, in the order of its times; gives how many frames.
    pub(crate) fn read(&mut self, take: &mut impl FnMut(&Frame<'_>)) -> usize {
        let before = self.desk.counts.carried;
        self.round += 1;
        for _ in 0..BATCH {
            let Ok(length) = self.listener.udp.recv(&mut self.buffer) else { break };
            self.desk.handle_packet(self.buffer.get(..length).unwrap_or_default(), take);
        }
        self.accept();
        let (round, buffer, desk) = (self.round, &mut self.buffer, &mut self.desk);
        self.connections.retain_mut(|connection| {
            let skipped = connection.skipped();
            let goes_on = connection.read(round, buffer, |packet| desk.handle_packet(packet, take));
            desk.counts.skipped_bytes += connection.skipped() - skipped;
            goes_on
        });
        self.desk.round.hand_on(take);
        (self.desk.counts.carried - before) as usize
    }

    /// Takes in who wants to connect. Where there are too many, the one that was silent longest goes.
    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.tcp.accept() {
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.connections.len() >= self.most_connections {
                let silent = self.connections.iter().enumerate().min_by_key(|(_, one)| one.heard);
                let Some((silent, _)) = silent else { return };
                self.connections.remove(silent);
                self.desk.counts.evicted += 1;
            }
            self.connections.push(Connection::new(stream, self.round));
        }
    }

    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let own = [self.listener.udp.as_fd(), self.listener.tcp.as_fd()];
        own.into_iter().chain(self.connections.iter().map(|connection| connection.stream.as_fd()))
    }

    /// What the kernel threw away because the datagrams were not read in time.
    pub(crate) fn drops(&mut self) -> Drops {
        if let Ok(lost) = drops::of_socket(&self.listener.udp) {
            self.lost.at(lost);
        }
        Drops { kernel: self.lost.total(), card: 0 }
    }

    pub(crate) fn counts(&self) -> AgentCounts {
        AgentCounts {
            connections: self.connections.len(),
            most_connections: self.most_connections,
            ..self.desk.counts.clone()
        }
    }
}

/// Where packets become frames.
struct Desk {
    reader: Reader,
    frame: Vec<u8>,
    round: Round,
    counts: AgentCounts,
}

impl Desk {
    fn new(key: Option<Vec<u8>>) -> Desk {
        Desk {
            reader: Reader::new(key),
            frame: Vec::new(),
            round: Round::default(),
            counts: AgentCounts::default(),
        }
    }

    fn handle_packet(&mut self, packet: &[u8], take: &mut impl FnMut(&Frame<'_>)) {
        match self.reader.read(packet) {
            Ok(datagram) => {
                hep::raw_ip(datagram.flow, datagram.payload, &mut self.frame);
                self.counts.carried += 1;
                let at = datagram.at.unwrap_or_else(now);
                self.round.push(at, AGENTS | datagram.agent, &self.frame);
                if self.round.is_full() {
                    self.round.hand_on(take);
                }
            }
            Err(refused) => {
                let place = Refused::ALL.iter().position(|&known| known == refused);
                if let Some(count) = place.and_then(|at| self.counts.refused.get_mut(at)) {
                    *count += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpStream, UdpSocket};
    use std::time::{Duration, Instant};

    use super::*;

    /// A packet that was sent so many microseconds after a full second, which tells one from the other by its port too.
    fn packet_at(us: u16) -> Vec<u8> {
        let mut packet = packet(us);
        let at = packet.windows(6).position(|chunk| chunk == b"\0\0\0\x0a\0\x0a").unwrap() + 6;
        packet[at..at + 4].copy_from_slice(&u32::from(us).to_be_bytes());
        packet
    }

    /// A packet of Kamailio's, with a port of our own that tells one from the other.
    fn packet(n: u16) -> Vec<u8> {
        let mut packet = include_bytes!("../../../hep/testdata/kamailio_siptrace_ack.hep").to_vec();
        let port = packet.windows(6).position(|chunk| chunk == b"\0\0\0\x07\0\x08").unwrap() + 6;
        packet[port..port + 2].copy_from_slice(&n.to_be_bytes());
        packet
    }

    fn agents(options: &Options) -> Agents {
        // Somebody else may take the port for TCP that the system chose for UDP.
        std::iter::repeat_with(|| Agents::listen("127.0.0.1:0".parse().unwrap(), options))
            .find_map(Result::ok)
            .unwrap()
    }

    /// The ports of the frames that come until there are `expected`.
    fn ports(agents: &mut Agents, expected: usize) -> Vec<u16> {
        let (begun, mut ports) = (Instant::now(), Vec::new());
        while ports.len() < expected && begun.elapsed() < Duration::from_secs(10) {
            agents.read(&mut |frame| {
                assert_eq!((frame.link, frame.bytes[0], frame.bytes[9]), (101, 0x45, 17));
                ports.push(u16::from_be_bytes([frame.bytes[20], frame.bytes[21]]));
            });
        }
        ports
    }

    #[test]
    fn takes_datagrams_and_connections() {
        let mut agents = agents(&Options::default());
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..300 {
            udp.send_to(&packet(n), agents.address()).unwrap();
        }
        udp.send_to(b"no HEP", agents.address()).unwrap();
        assert_eq!(ports(&mut agents, 300), (0..300).collect::<Vec<_>>());

        let mut tcp = [(); 2].map(|()| TcpStream::connect(agents.address()).unwrap());
        let bytes: Vec<u8> = (300..600).flat_map(packet).collect();
        let (first, second) = bytes.split_at(1234);
        tcp[0].write_all(first).unwrap();
        tcp[1].write_all(b"rubbish").unwrap();
        tcp[1].write_all(&packet(7)).unwrap();
        tcp[0].write_all(second).unwrap();
        let mut came = ports(&mut agents, 301);
        assert!(came.contains(&7));
        came.retain(|&port| port != 7);
        assert_eq!(came, (300..600).collect::<Vec<_>>());
        let counts = agents.counts();
        assert_eq!((counts.carried, counts.refused[0], counts.skipped_bytes), (601, 1, 7));
        assert_eq!((counts.connections, counts.evicted), (2, 0));
        drop(tcp);
        let begun = Instant::now();
        while agents.counts().connections > 0 && begun.elapsed() < Duration::from_secs(10) {
            agents.read(&mut |_| {});
        }
        assert_eq!(agents.counts().connections, 0);
    }

    #[test]
    fn what_two_connections_brought_comes_in_the_order_of_its_times() {
        let mut agents = agents(&Options::default());
        let mut tcp = [(); 2].map(|()| TcpStream::connect(agents.address()).unwrap());
        // The first to be read has the answers.
        for us in 0..100 {
            tcp[usize::from(us % 2 == 0)].write_all(&packet_at(us)).unwrap();
        }
        assert_eq!(ports(&mut agents, 100), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn of_too_many_connections_the_silent_one_goes() {
        let mut agents = agents(&Options { connections: 2, ..Options::default() });
        let mut speaks = TcpStream::connect(agents.address()).unwrap();
        let silent = TcpStream::connect(agents.address()).unwrap();
        for n in 0..20 {
            speaks.write_all(&packet(n)).unwrap();
            assert_eq!(ports(&mut agents, 1), [n]);
        }
        let mut third = TcpStream::connect(agents.address()).unwrap();
        third.write_all(&packet(99)).unwrap();
        assert_eq!(ports(&mut agents, 1), [99]);
        speaks.write_all(&packet(20)).unwrap();
        assert_eq!(ports(&mut agents, 1), [20]);
        assert_eq!((agents.counts().connections, agents.counts().evicted), (2, 1));
        drop(silent);
    }

    #[test]
    fn half_a_packet_holds_nobody_up() {
        let mut agents = agents(&Options::default());
        let mut half = TcpStream::connect(agents.address()).unwrap();
        half.write_all(&packet(1)[..100]).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.send_to(&packet(2), agents.address()).unwrap();
        assert_eq!(ports(&mut agents, 1), [2]);
        half.write_all(&packet(1)[100..]).unwrap();
        assert_eq!(ports(&mut agents, 1), [1]);
    }
}
