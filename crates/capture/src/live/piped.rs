//! A capture that grows while it is read: standard input, from a `tcpdump -w -` here or elsewhere.
//!
//! Reading it may wait for ever, so a thread of its own does. What it has read stands in a batch of bounded size, and a
//! pipe wakes whoever waits for it.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::PIPED;
use super::error::Notice;
use crate::error::Error;
use crate::frame::{Frame, Head};
use crate::input::Input;
use crate::replay::Replay;

/// The reading thread, seen from outside.
pub(crate) struct Piped {
    shared: Arc<Shared>,
    woken: PipeReader,
    batch: Batch,
    over: bool,
}

struct Shared {
    state: Mutex<State>,
    room: Condvar,
}

#[derive(Default)]
struct State {
    batch: Batch,
    errors: Vec<Error>,
    over: bool,
    /// A byte stands in the pipe.
    woken: bool,
}

/// Frames, one behind the other.
#[derive(Default)]
struct Batch {
    heads: Vec<Head>,
    bytes: Vec<u8>,
}

/// Past that the thread waits until the batch is taken.
const LARGEST_BATCH: usize = 4 << 20;

impl Piped {
    /// Starts to read `input`.
    pub(crate) fn start(input: Input) -> io::Result<Piped> {
        let (woken, wake) = io::pipe()?;
        let shared = Arc::new(Shared { state: Mutex::default(), room: Condvar::new() });
        let filled = Arc::clone(&shared);
        // It ends with its input, or with this program: nothing else could wake it.
        thread::Builder::new().name("stdin".into()).spawn(move || fill(&input, &filled, wake))?;
        Ok(Piped { shared, woken, batch: Batch::default(), over: false })
    }

    /// Hands on what was read; gives how many frames.
    pub(crate) fn read(
        &mut self,
        take: &mut impl FnMut(&Frame<'_>),
        notices: &mut impl Extend<Notice>,
    ) -> usize {
        let mut state = self.shared.lock();
        if mem::take(&mut state.woken) {
            // It is there already.
            let _ = self.woken.read_exact(&mut [0]);
        }
        mem::swap(&mut state.batch, &mut self.batch);
        notices.extend(state.errors.drain(..).map(Notice::Input));
        self.over = state.over;
        drop(state);
        self.shared.room.notify_one();
        for head in &self.batch.heads {
            let frame = head.frame(&self.batch.bytes, None);
            take(&Frame { origin: PIPED | frame.origin, ..frame });
        }
        let taken = self.batch.heads.len();
        self.batch.heads.clear();
        self.batch.bytes.clear();
        taken
    }

    /// Whether all of it was handed on.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

impl Shared {
    /// What the lock guards is whole at any time.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state once there is room, and wakes who waits for it.
    fn put(&self, wake: &mut PipeWriter, change: impl FnOnce(&mut State)) {
        let is_full = |state: &mut State| state.batch.bytes.len() >= LARGEST_BATCH;
        let state = self.room.wait_while(self.lock(), is_full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if !mem::replace(&mut state.woken, true) {
            let _ = wake.write_all(&[0]);
        }
    }
}

fn fill(input: &Input, shared: &Shared, mut wake: PipeWriter) {
    let (mut replay, errors) = Replay::open(std::slice::from_ref(input));
    shared.put(&mut wake, |state| state.errors.extend(errors));
    loop {
        match replay.next() {
            Ok(Some(frame)) => shared.put(&mut wake, |state| state.batch.push(&frame)),
            Ok(None) => break,
            Err(error) => shared.put(&mut wake, |state| state.errors.push(error)),
        }
    }
    shared.put(&mut wake, |state| state.over = true);
}

impl Batch {
    fn push(&mut self, frame: &Frame<'_>) {
        let Frame { at, link, wire_len, origin, .. } = *frame;
        let interface = origin as u16;
        let (start, len) = (self.bytes.len(), frame.bytes.len());
        self.heads.push(Head { at, link, wire_len, start, len, interface });
        self.bytes.extend_from_slice(frame.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;
    use crate::testing::{Classic, Packet};

    /// Waits as [`super::super::Live`] does, and reads; until there are `expected` frames or it is over.
    fn read(piped: &mut Piped, expected: usize) -> (Vec<Packet>, Vec<Notice>) {
        let (mut packets, mut notices) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        while packets.len() < expected && !piped.is_over() && begun.elapsed() < Duration::from_secs(20) {
            let mut fds = [PollFd::from_borrowed_fd(piped.fd(), PollFlags::IN)];
            poll(&mut fds, Some(&Timespec { tv_sec: 20, tv_nsec: 0 })).unwrap();
            let mut take = |frame: &Frame<'_>| packets.push(Packet::new(frame.at.as_ns(), frame.bytes));
            piped.read(&mut take, &mut notices);
        }
        (packets, notices)
    }

    #[test]
    fn frames_come_as_they_are_written_and_none_is_lost_in_between() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut piped = Piped::start(Input::File(path.clone())).unwrap();
        let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let packets: Vec<Packet> = (0..6000).map(|n| Packet::new(n * 1000, &vec![n as u8; 1500])).collect();
        let file = Classic::default().file(&packets);
        // One packet, and then it is silent.
        let (first, rest) = file.split_at(24 + 16 + 1500);
        writer.write_all(first).unwrap();
        assert_eq!(read(&mut piped, 1).0, packets[..1]);
        assert!(!piped.is_over());
        // More than a batch holds at once.
        let rest = rest.to_vec();
        let writing = thread::spawn(move || writer.write_all(&rest).unwrap());
        assert_eq!(read(&mut piped, usize::MAX).0, packets[1..]);
        writing.join().unwrap();
        assert!(piped.is_over());
    }

    #[test]
    fn what_is_wrong_with_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.pcap");
        let file = Classic::default().file(&[Packet::new(0, b"whole"), Packet::new(1, b"cut")]);
        std::fs::write(&path, &file[..file.len() - 1]).unwrap();
        let mut piped = Piped::start(Input::File(path)).unwrap();
        let (packets, notices) = read(&mut piped, usize::MAX);
        assert_eq!(packets.len(), 1);
        assert!(matches!(notices[..], [Notice::Input(Error::CutShort { .. })]), "{notices:?}");
        let mut absent = Piped::start(Input::File(folder.path().join("absent"))).unwrap();
        assert!(matches!(read(&mut absent, 1).1[..], [Notice::Input(Error::NotFound { .. })]));
    }
}
