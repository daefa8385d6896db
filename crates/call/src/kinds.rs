//! Which kind of media a source or a payload type of one side belongs to: audio and video may share one port (RFC 9143).

use sdp::{MediaKind, Session};

/// What the descriptions of one side said, all of them together.
#[derive(Clone, Default, Debug)]
pub(crate) struct Kinds {
    /// Payload types, one bit each.
    types: Vec<(MediaKind, u128)>,
    sources: Vec<(u32, MediaKind)>,
    /// The latest word on how much audio is wanted in a packet.
    pub(crate) ptime_ms: Option<u32>,
}

impl Kinds {
    pub(crate) fn note(&mut self, session: &Session) {
        for media in session.media.iter().filter(|media| !media.is_rejected()) {
            for format in &media.formats {
                self.note_type(media.kind, format.payload_type);
            }
            for source in &media.ssrcs {
                self.note_source(source.ssrc, media.kind);
            }
            if media.kind == MediaKind::Audio {
                self.ptime_ms = media.ptime_ms;
            }
        }
    }

    fn note_type(&mut self, kind: MediaKind, number: u8) {
        match self.types.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, types)) => *types |= bit(number),
            None => self.types.push((kind, bit(number))),
        }
    }

    fn note_source(&mut self, ssrc: u32, kind: MediaKind) {
        if let Some(known) = self.sources.iter_mut().find(|(known, _)| *known == ssrc) {
            known.1 = kind;
        } else if self.sources.len() < MOST_SOURCES {
            self.sources.push((ssrc, kind));
        }
    }

    pub(crate) fn has(&self, kind: MediaKind, number: u8) -> bool {
        self.types.iter().any(|&(known, types)| known == kind && types & bit(number) != 0)
    }

    pub(crate) fn has_any(&self, number: u8) -> bool {
        self.types.iter().any(|&(_, types)| types & bit(number) != 0)
    }

    pub(crate) fn of_source(&self, ssrc: u32) -> Option<MediaKind> {
        self.sources.iter().find(|&&(known, _)| known == ssrc).map(|&(_, kind)| kind)
    }

    /// About how many bytes it holds beside itself.
    pub(crate) fn weight(&self) -> usize {
        self.types.len() * size_of::<(MediaKind, u128)>() + self.sources.len() * size_of::<(u32, MediaKind)>()
    }
}

fn bit(number: u8) -> u128 {
    1 << (number & 0x7f)
}

/// Those of one description, and some.
const MOST_SOURCES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_payload_types_tell_what_a_shared_port_carries() {
        let session = Session::read(
            b"v=0\r\na=group:BUNDLE 0 1\r\nm=video 4000 RTP/AVP 97\r\na=ssrc:7 cname:x\r\nm=audio 4000 RTP/AVP 0 96\r\n\
              a=ptime:30\r\nm=audio 0 RTP/AVP 8\r\n",
        )
        .unwrap();
        let mut kinds = Kinds::default();
        kinds.note(&session);
        assert!(kinds.has(MediaKind::Audio, 0) && kinds.has(MediaKind::Audio, 96));
        assert!(kinds.has(MediaKind::Video, 97) && !kinds.has(MediaKind::Audio, 97));
        assert!(kinds.has_any(97) && !kinds.has_any(8), "a rejected one counts for nothing");
        assert_eq!((kinds.of_source(7), kinds.of_source(8)), (Some(MediaKind::Video), None));
        assert_eq!(kinds.ptime_ms, Some(30));
    }
}
