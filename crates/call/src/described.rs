//! One session description in the history of its side: formats, direction, and whether it says anything new (RFC 3264).

use clock::Time;
use sdp::{Direction, Format, MediaKind, Session};

/// A session description as far as it is asked for later.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) at: Time,
    pub(crate) formats: Vec<Format>,
    /// Stands for the endpoints named: only asked whether it is the same.
    pub(crate) endpoints: u64,
    pub(crate) direction: Direction,
    pub(crate) secure: bool,
    /// Whether it takes a fax by T.38.
    pub(crate) fax: bool,
    pub(crate) unspecified: bool,
}

impl Described {
    pub(crate) fn format(&self, number: u8) -> Option<&Format> {
        self.formats.iter().find(|format| format.payload_type == number)
    }

    pub(crate) fn moves_to(&self, next: &Described) -> bool {
        self.endpoints != next.endpoints || self.direction != next.direction
    }

    pub(crate) fn is_repeated_by(&self, next: &Described) -> bool {
        let flags = |described: &Described| (described.secure, described.fax, described.unspecified);
        flags(self) == flags(next) && !self.moves_to(next) && self.formats == next.formats
    }

    pub(crate) fn weight(&self) -> usize {
        let text = |format: &Format| format.encoding.len() + format.fmtp.as_ref().map_or(0, String::len);
        let formats = self.formats.iter().map(|format| size_of::<Format>() + text(format));
        size_of::<Described>() + formats.sum::<usize>()
    }
}

/// What each payload type means, by the first media that has it, audio before others.
pub(crate) fn formats(session: &Session) -> Vec<Format> {
    let mut formats: Vec<Format> = Vec::new();
    let mut seen = 0u128;
    // Where audio and another kind give one number two meanings on two ports, it is the audio that is to be heard.
    let of_audio = |media: &&sdp::Media| media.kind == MediaKind::Audio;
    let wanted = || session.media.iter().filter(|media| !media.is_rejected());
    let in_order = wanted().filter(of_audio).chain(wanted().filter(|media| !of_audio(media)));
    for format in in_order.flat_map(|media| &media.formats) {
        let bit = 1u128 << (format.payload_type & 0x7f);
        if seen & bit == 0 {
            seen |= bit;
            formats.push(format.clone());
        }
    }
    formats
}
