//! WebSocket (RFC 6455, section 5) as SIP uses it (RFC 7118): each message is one SIP message.
//!
//! ```text
//! | FIN 1 | RSV 3 | opcode 4 | MASK 1 | length 7 | length 16 or 64, if so | mask 32, if so | payload ...
//! ```

use std::mem;

/// One direction's frames.
#[derive(Default, Debug)]
pub(crate) struct Frames {
    unread: Vec<u8>,
    /// The message so far, of fragments.
    message: Vec<u8>,
    /// The fragments are of a message that is not wanted: compressed, or too long.
    refused: bool,
    /// Octets of a frame that are passed over.
    skip: u64,
    /// There was a hole, or the connection was joined: where a frame begins is to be found.
    lost: bool,
}

/// What came out of a direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Message {
    /// A message.
    Whole(Vec<u8>),
    /// A message that cannot be read: compressed (RFC 7692), or longer than any of SIP.
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Header {
    is_last: bool,
    compressed: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    /// Of the header itself.
    size: usize,
    /// Of the payload.
    len: u64,
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// No SIP message is longer.
const LONGEST: u64 = 1 << 17;

impl Header {
    /// `None` where more octets are needed, `Some(None)` where no frame begins so.
    fn read(octets: &[u8]) -> Option<Option<Header>> {
        let [first, second, rest @ ..] = octets else { return None };
        let (opcode, reserved) = (first & 0x0f, first & 0x30);
        if reserved != 0 || matches!(opcode, 3..=7 | 11..) {
            return Some(None);
        }
        let (len, rest) = match second & 0x7f {
            126 => rest.split_first_chunk().map(|(len, rest)| (u64::from(u16::from_be_bytes(*len)), rest))?,
            127 => rest.split_first_chunk().map(|(len, rest)| (u64::from_be_bytes(*len), rest))?,
            len => (u64::from(len), rest),
        };
        let is_masked = second & 0x80 != 0;
        let (mask, rest) = match rest.split_first_chunk() {
            Some((mask, rest)) if is_masked => (Some(*mask), rest),
            None if is_masked => return None,
            _ => (None, rest),
        };
        let is_control = opcode >= 8;
        let is_sane = len < 1 << 63 && (!is_control || (len < 126 && first & 0x80 != 0));
        Some(is_sane.then(|| Header {
            is_last: first & 0x80 != 0,
            compressed: first & 0x40 != 0,
            opcode,
            mask,
            size: octets.len() - rest.len(),
            len,
        }))
    }

    fn unmask(&self, payload: &mut [u8]) {
        let Some(mask) = self.mask else { return };
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(octet, mask)| *octet ^= mask);
    }
}

/// Do these octets begin a frame of a SIP message? Only then is a connection that was joined taken for WebSocket.
pub(crate) fn sniff(octets: &[u8]) -> bool {
    let Some(Some(header)) = Header::read(octets) else { return false };
    if !matches!(header.opcode, TEXT | BINARY) || header.compressed || header.len > LONGEST {
        return false;
    }
    let mut payload: Vec<u8> = octets.iter().skip(header.size).take(header.len as usize).copied().collect();
    header.unmask(&mut payload);
    sip::sniff(&payload)
}

impl Frames {
    /// A direction that was joined in its middle.
    pub(crate) fn joined() -> Frames {
        Frames { lost: true, ..Frames::default() }
    }

    pub(crate) fn handle_octets(&mut self, octets: &[u8]) {
        let skipped = self.skip.min(octets.len() as u64);
        self.skip -= skipped;
        let rest = octets.get(skipped as usize..).unwrap_or_default();
        // Behind a hole a segment begins a frame, or is passed over.
        if !self.lost || sniff(rest) {
            self.lost = false;
            self.unread.extend_from_slice(rest);
        }
    }

    /// Octets are missing.
    pub(crate) fn handle_hole(&mut self) {
        *self = Frames::joined();
    }

    /// The next message.
    pub(crate) fn poll_message(&mut self) -> Option<Message> {
        loop {
            let Some(header) = Header::read(&self.unread)? else {
                self.handle_hole();
                return None;
            };
            let is_data = matches!(header.opcode, CONTINUATION | TEXT | BINARY);
            if is_data && header.opcode != CONTINUATION {
                // One that was not ended is forgotten.
                (self.message, self.refused) = (Vec::new(), header.compressed);
            }
            self.refused |= is_data && self.message.len() as u64 + header.len > LONGEST;
            if is_data && self.refused || header.len > LONGEST {
                self.pass_over(header);
            } else {
                let payload = self.payload(header)?;
                if is_data {
                    self.message.extend_from_slice(&payload);
                }
            }
            if is_data && header.is_last {
                let message = mem::take(&mut self.message);
                return Some(if mem::take(&mut self.refused) {
                    Message::Refused
                } else {
                    Message::Whole(message)
                });
            }
        }
    }

    /// The bytes that it holds.
    pub(crate) fn held(&self) -> usize {
        self.unread.len() + self.message.len()
    }

    /// Cuts a whole frame off.
    fn payload(&mut self, header: Header) -> Option<Vec<u8>> {
        let end = header.size + header.len as usize;
        let mut payload = self.unread.get(header.size..end)?.to_vec();
        self.unread.drain(..end);
        header.unmask(&mut payload);
        Some(payload)
    }

    fn pass_over(&mut self, header: Header) {
        self.message = Vec::new();
        let end = (header.size as u64).saturating_add(header.len);
        let here = end.min(self.unread.len() as u64);
        self.unread.drain(..here as usize);
        self.skip = end - here;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIP: &[u8] = b"SIP/2.0 180 Ringing\r\nCall-ID: 1\r\n\r\n";

    fn frame(first: u8, mask: bool, payload: &[u8]) -> Vec<u8> {
        let masked = if mask { 0x80 } else { 0 };
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..126 => frame.push(masked | len as u8),
            len @ 126..65_536 => {
                frame.push(masked | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(masked | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        let key = [0x12, 0x34, 0x56, 0x78];
        frame.extend(key.iter().take(if mask { 4 } else { 0 }));
        frame.extend(
            payload.iter().enumerate().map(|(n, octet)| if mask { octet ^ key[n % 4] } else { *octet }),
        );
        frame
    }

    fn read(frames: &mut Frames, stream: &[u8], step: usize) -> Vec<Message> {
        let mut messages = vec![];
        for piece in stream.chunks(step) {
            frames.handle_octets(piece);
            messages.extend(std::iter::from_fn(|| frames.poll_message()));
        }
        messages
    }

    #[test]
    fn reads_frames_of_every_length_however_they_are_cut() {
        let bodies: [Vec<u8>; 5] =
            [SIP.to_vec(), vec![b'a'; 125], vec![b'b'; 126], vec![b'c'; 70_000], vec![]];
        let stream: Vec<u8> = bodies
            .iter()
            .enumerate()
            .flat_map(|(n, body)| frame(0x81 + (n % 2) as u8, n % 2 == 0, body))
            .collect();
        let whole: Vec<Message> = bodies.iter().cloned().map(Message::Whole).collect();
        for step in [1, 2, 3, 5, 1000, stream.len()] {
            let mut frames = Frames::default();
            assert_eq!((read(&mut frames, &stream, step), frames.held()), (whole.clone(), 0), "step {step}");
        }
    }

    #[test]
    fn puts_fragments_together_with_pings_between_them() {
        let (one, two) = SIP.split_at(20);
        let stream = [
            frame(0x01, true, one),
            frame(0x89, true, b"ping"),
            frame(0x80, true, two),
            frame(0x88, false, b""),
        ];
        for step in [1, 4, 100] {
            let messages = read(&mut Frames::default(), &stream.concat(), step);
            assert_eq!(messages, [Message::Whole(SIP.to_vec())]);
        }
    }

    #[test]
    fn passes_over_what_it_cannot_read() {
        let long = vec![b'x'; LONGEST as usize + 1];
        let stream = [
            frame(0xc1, true, b"compressed"),
            frame(0x41, true, b"compressed"),
            frame(0x80, true, b"still"),
            frame(0x82, false, &long),
            frame(0x02, false, &long[1..]),
            frame(0x80, false, b"x"),
            frame(0x81, false, SIP),
        ];
        for step in [1, 1460, 1 << 20] {
            let mut frames = Frames::default();
            let messages = read(&mut frames, &stream.concat(), step);
            assert_eq!(messages.len(), 5);
            assert!(messages[..4].iter().all(|message| *message == Message::Refused));
            assert_eq!((&messages[4], frames.held()), (&Message::Whole(SIP.to_vec()), 0));
        }
    }

    #[test]
    fn finds_the_next_frame_after_a_hole() {
        let sip = frame(0x81, true, SIP);
        assert!(sniff(&sip) && !sniff(&sip[1..]) && !sniff(&frame(0x81, true, b"chat")) && !sniff(SIP));
        let mut frames = Frames::default();
        assert_eq!(read(&mut frames, &sip[..30], 100), []);
        frames.handle_hole();
        assert_eq!(read(&mut frames, b"\x81 the rest of some frame", 100), []);
        assert_eq!(read(&mut frames, &sip, sip.len()), [Message::Whole(SIP.to_vec())]);
        assert_eq!(read(&mut frames, b"\xff\xff rubbish", 100), []);
        assert_eq!(read(&mut frames, &sip, sip.len()), [Message::Whole(SIP.to_vec())]);
    }

    #[test]
    fn a_length_that_cannot_be_holds_nothing_up() {
        let mut frames = Frames::default();
        let huge = [&b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"[..], &[0; 1 << 16]].concat();
        assert_eq!(read(&mut frames, &huge, huge.len()), [Message::Refused]);
        assert_eq!(read(&mut frames, &huge, 1000), []);
        assert_eq!(frames.held(), 0);
    }
}
