//! The journal of a call: what came of it since it was last written, as a section of pcapng.
//!
//! Each passage is a section of its own, so that one that is lost costs nothing but itself, and a torn one nothing
//! before it. What is here is replayed after a crash; it is never shown, so digits and keys stay.

use std::collections::BTreeMap;
use std::io;

use call::{KeptMessage, SoFar, StreamKey};
use clock::Time;
use rtp::{Medium, Stream};
use store::CallId;
use store::pcapng::Writer;

use crate::rebuilt;

/// How much of a call stands in its journal.
#[derive(Default, Debug)]
pub struct Mark {
    messages: usize,
    reports: usize,
    fax: usize,
    streams: BTreeMap<StreamKey, usize>,
}

/// What is to be appended.
#[derive(Default, Debug)]
pub struct Passage {
    /// A section of pcapng; nothing where nothing came.
    pub bytes: Vec<u8>,
    /// Packets in it.
    pub packets: u64,
    /// Packets that had left the memory before they could be written.
    pub missed: u64,
}

/// The id that the recording of a call will have, as far as it is known now.
#[must_use]
pub fn id(so_far: &SoFar<'_>) -> CallId {
    let dialog = so_far.dialog;
    store::Store::id(dialog.invited_at, &dialog.call_id, dialog.caller.tag.as_deref().unwrap_or(""))
}

impl Mark {
    /// What came since the mark, which moves on.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where a packet fits into no pcapng.
    pub fn pass(&mut self, so_far: &SoFar<'_>, medium: &dyn Medium) -> io::Result<Passage> {
        let mut frames = Vec::new();
        frames.extend(so_far.messages.iter().skip(self.messages).map(Frame::of_message));
        frames.extend(so_far.reports.iter().skip(self.reports).map(Frame::of_message));
        frames.extend(so_far.fax.iter().skip(self.fax).map(Frame::of_message));
        (self.messages, self.reports) = (so_far.messages.len(), so_far.reports.len());
        self.fax = so_far.fax.len();
        let (mut missed, mut marks) = (0, BTreeMap::new());
        for stream in &so_far.streams {
            let (key, all) = ((stream.flow, stream.ssrc, stream.first_at), stream.kept.len());
            let new = all.saturating_sub(self.streams.get(&key).copied().unwrap_or(0));
            let before = frames.len();
            frames.extend(new_frames(stream, new, medium));
            missed += (new - (frames.len() - before)) as u64;
            marks.insert(key, all);
        }
        self.streams = marks;
        frames.sort_by_key(|frame| frame.at);
        let packets = frames.len() as u64;
        Ok(Passage { bytes: section(&frames)?, packets, missed })
    }
}

struct Frame<'a> {
    at: Time,
    link: u32,
    bytes: std::borrow::Cow<'a, [u8]>,
}

impl<'a> Frame<'a> {
    fn of_message(message: &'a KeptMessage) -> Frame<'a> {
        Frame { at: message.at, link: message.link, bytes: (&*message.frame).into() }
    }
}

fn new_frames<'a>(
    stream: &'a Stream,
    count: usize,
    medium: &'a dyn Medium,
) -> impl Iterator<Item = Frame<'a>> {
    rebuilt::latest(stream, count, medium).map(|rebuilt| Frame {
        at: rebuilt.frame.arrival,
        link: rebuilt.frame.link,
        bytes: rebuilt.bytes,
    })
}

fn section(frames: &[Frame<'_>]) -> io::Result<Vec<u8>> {
    if frames.is_empty() {
        return Ok(Vec::new());
    }
    let size: usize = frames.iter().map(|frame| frame.bytes.len() + BLOCK_OVERHEAD).sum();
    let mut writer = Writer::new(Vec::with_capacity(size + SECTION_OVERHEAD))?;
    for frame in frames {
        writer.write(frame.at, frame.link, &frame.bytes, frame.bytes.len() as u32)?;
    }
    writer.finish()
}

/// Header, trailer and padding of an enhanced packet block.
const BLOCK_OVERHEAD: usize = 36;
/// A section header, and the descriptions of two interfaces.
const SECTION_OVERHEAD: usize = 92;
