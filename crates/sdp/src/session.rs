//! A session description (RFC 8866): what it says of the whole, and its media descriptions in their order. Bounded:
//! what is beyond the bounds is left out and counted.

use std::fmt;

use sdp_types::Attribute;

use crate::address;
use crate::direction::Direction;
use crate::lines::Lines;
use crate::media::{self, Defaults, Media};
use crate::origin::Origin;

/// A description, read once.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Session {
    /// Who made it; `None` where the line is missing or says less than a user and a session.
    pub origin: Option<Origin>,
    /// The media descriptions, rejected ones too: an answer is matched with its offer by their places.
    pub media: Vec<Media>,
    /// The groups of media that share one address (RFC 9143), by their `a=mid`.
    pub bundles: Vec<Vec<String>>,
    /// What was left out.
    pub omitted: Omitted,
}

impl Session {
    /// How many media descriptions are kept.
    pub const MOST_MEDIA: usize = 64;
    /// How many formats of each.
    pub const MOST_FORMATS: usize = 128;
    /// How many attributes of each, and of the session.
    pub const MOST_ATTRIBUTES: usize = 512;
    /// How many ICE candidates of each.
    pub const MOST_CANDIDATES: usize = 64;
    /// How many announced sources, keys and bundles of each.
    pub const MOST_SOURCES: usize = 64;
    /// How many bytes of a body are looked at.
    pub const LONGEST: usize = 1 << 18;

    /// Reads a description. A line that makes no sense is passed over.
    ///
    /// # Errors
    /// Where the body is empty or has no line that only a description has.
    pub fn read(body: &[u8]) -> Result<Session, ReadError> {
        if body.trim_ascii().is_empty() {
            return Err(ReadError::Empty { length: body.len() });
        }
        let looked_at = body.get(..Session::LONGEST).unwrap_or(body);
        let lines = Lines::of(looked_at);
        if !lines.is_description {
            return Err(ReadError::NoDescription { length: body.len() });
        }
        let parsed = sdp_types::Session::parse(lines.text.as_bytes())
            .map_err(|_| ReadError::Refused { length: lines.text.len() })?;
        let mut session = Session { omitted: lines.omitted, ..Session::default() };
        session.omitted.bytes = body.len() - looked_at.len();
        session.origin = lines.origin.as_deref().and_then(Origin::read);
        session.take(&parsed);
        Ok(session)
    }

    fn take(&mut self, parsed: &sdp_types::Session) {
        let defaults = self.take_attributes(parsed);
        for media in &parsed.medias {
            self.media.push(Media::read(media, &defaults, &mut self.omitted));
        }
    }

    /// What the session says holds for every media description that does not say otherwise.
    fn take_attributes(&mut self, parsed: &sdp_types::Session) -> Defaults {
        let connection = parsed.connection.as_ref();
        let mut defaults = Defaults {
            address: connection.and_then(|connection| address::read(&connection.connection_address)),
            ..Defaults::default()
        };
        for Attribute { attribute, value } in &parsed.attributes {
            let value = value.as_deref().unwrap_or_default();
            match attribute.trim().to_ascii_lowercase().as_str() {
                "fingerprint" => defaults.dtls = true,
                "ptime" => defaults.ptime_ms = leading_number(value),
                "ice-ufrag" => defaults.ice_ufrag = media::word(value),
                "group" => self.take_group(value),
                name => defaults.direction = defaults.direction.or(Direction::of(name)),
            }
        }
        defaults
    }

    fn take_group(&mut self, value: &str) {
        let mut words = value.split_ascii_whitespace();
        if words.next().is_some_and(|semantics| semantics.eq_ignore_ascii_case("BUNDLE"))
            && self.bundles.len() < Session::MOST_SOURCES
        {
            self.bundles.push(words.take(Session::MOST_MEDIA).map(str::to_owned).collect());
        }
    }
}

/// The number a value opens with: `20` of `20.0`.
pub(crate) fn leading_number(value: &str) -> Option<u32> {
    let value = value.trim();
    let end = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
    value.get(..end)?.parse().ok()
}

/// What a description held beyond the bounds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Omitted {
    /// Media descriptions.
    pub media: usize,
    /// Formats.
    pub formats: usize,
    /// Attributes of any name.
    pub attributes: usize,
    /// ICE candidates.
    pub candidates: usize,
    /// Announced sources and keys.
    pub sources: usize,
    /// Bytes of a body that was too long to be looked at in full.
    pub bytes: usize,
}

impl Omitted {
    /// Was everything kept?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Omitted::default()
    }
}

/// Why a body is no description. All of them are bad input: count them and carry on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// There is nothing but white space.
    Empty {
        /// How many bytes of it.
        length: usize,
    },
    /// There is neither a version nor a media description.
    NoDescription {
        /// How long the body is.
        length: usize,
    },
    /// `sdp-types` refused what was left of it.
    Refused {
        /// How long that was.
        length: usize,
    },
}

impl ReadError {
    /// Every [`ReadError::kind`], for the labels of metrics.
    pub const KINDS: [&'static str; 3] = ["empty", "no_description", "refused"];

    /// The error as a metric's label.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            ReadError::Empty { .. } => "empty",
            ReadError::NoDescription { .. } => "no_description",
            ReadError::Refused { .. } => "refused",
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Empty { length } => write!(f, "{length} bytes of white space and no description"),
            ReadError::NoDescription { length } => write!(f, "no description in {length} bytes"),
            ReadError::Refused { length } => write!(f, "a description of {length} bytes that cannot be read"),
        }
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MediaKind;
    use proptest::prelude::*;

    const USUAL: &str = "v=0\r\no=alice 7 8 IN IP4 192.0.2.1\r\ns=Call\r\ni=x\r\nc=IN IP4 192.0.2.1\r\nb=AS:64\r\nt=0 0\r\n\
         a=group:BUNDLE 0 1\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=mid:0\r\n\
         m=video 4002 RTP/AVP 31\r\na=mid:1\r\n";

    /// Whatever is odd about a body, the audio must be found where it is.
    fn audio_found(body: &[u8]) -> Session {
        let session = Session::read(body).unwrap();
        let audio = session.media.iter().find(|media| media.kind == MediaKind::Audio).unwrap();
        assert_eq!((audio.address, audio.port), (Some("192.0.2.1".parse().unwrap()), 4000));
        assert_eq!(audio.formats.first().map(|format| format.encoding.as_str()), Some("PCMU"));
        session
    }

    #[test]
    fn reads_the_usual_shape() {
        let session = audio_found(USUAL.as_bytes());
        assert_eq!(session.origin.as_ref().unwrap().session_id, "7");
        assert_eq!(session.bundles, [["0", "1"]]);
        assert_eq!(session.media.len(), 2);
        assert!(session.omitted.is_empty());
    }

    #[test]
    fn no_bad_line_costs_the_others() {
        let odd = |from: &str, to: &str| {
            assert!(USUAL.contains(from), "{from}");
            audio_found(USUAL.replacen(from, to, 1).as_bytes())
        };
        for line in ["v=0\r\n", "o=alice 7 8 IN IP4 192.0.2.1\r\n", "s=Call\r\n", "t=0 0\r\n"] {
            odd(line, "");
        }
        odd("o=alice 7 8 IN IP4 192.0.2.1", "o=");
        odd("t=0 0", "t=now then\r\nr=x\r\nz=y\r\nk=\r\nu\r\n=x\r\n\r\nbroken");
        odd("b=AS:64", "b=AS");
        odd("s=Call", "s=Caf\u{e9}\0\r\ns=again\r\nv=0\r\no=b 1 1 IN IP4 h");
        odd("c=IN IP4 192.0.2.1", "c = IN IP4  192.0.2.1/127 \r\nc=IN IP4 10.0.0.1");
        odd("m=audio", "M=audio");
        odd(
            "a=rtpmap:101 telephone-event/8000",
            "a=rtpmap:x\r\na\r\na=\r\na=:\r\na=fmtp\r\na=crypto:\r\na=ssrc:\0",
        );
        odd("m=audio 4000 RTP/AVP 0 101", "m=audio  4000/1\tRTP/AVP  0 101 ");
        audio_found(USUAL.replace("\r\n", "\n").as_bytes());
        audio_found(USUAL.trim_end().as_bytes());
        let latin1 = [USUAL.as_bytes(), b"a=label:\xff\xfe\r\n"].concat();
        assert_eq!(audio_found(&latin1).media[1].label.as_deref(), Some("ÿþ"));
    }

    #[test]
    fn a_media_line_never_vanishes() {
        let session =
            Session::read(b"m=\nm=audio\nm=audio x RTP/AVP 0\nm=audio 70000 RTP/AVP 0\nm=audio 4 RTP/AVP\n")
                .unwrap();
        assert_eq!(session.media.iter().map(|media| media.port).collect::<Vec<_>>(), [0, 0, 0, 0, 4]);
    }

    #[test]
    fn errors_have_closed_labels() {
        for (body, kind) in [(&b""[..], "empty"), (b" \r\n", "empty"), (b"hello=world\r\n", "no_description")]
        {
            let error = Session::read(body).unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(ReadError::KINDS.contains(&kind));
        }
        assert!(Session::read(b"v=0").unwrap().media.is_empty());
    }

    #[test]
    fn is_bounded_and_says_what_was_left_out() {
        let media =
            Session::read(format!("{USUAL}{}", "m=audio 1 RTP/AVP 0\r\na=x\r\n".repeat(1000)).as_bytes())
                .unwrap();
        assert_eq!((media.media.len(), media.omitted.media), (Session::MOST_MEDIA, 938));
        let formats = Session::read(format!("m=audio 1 RTP/AVP{}", " 0".repeat(1000)).as_bytes()).unwrap();
        assert_eq!(formats.omitted.formats, 1000 - Session::MOST_FORMATS);
        let noise = "a=noise\r\n".repeat(1000);
        let attributes = Session::read(USUAL.replace("a=mid:0", &noise).as_bytes()).unwrap();
        assert_eq!(
            (attributes.media.len(), attributes.omitted.attributes),
            (2, 1001 - Session::MOST_ATTRIBUTES)
        );
        let candidates: String =
            (0..100).map(|port| format!("a=candidate:1 1 udp 1 192.0.2.7 {port} typ host\r\n")).collect();
        let ice = Session::read(format!("{USUAL}{candidates}").as_bytes()).unwrap();
        assert_eq!((ice.media[1].candidates.len(), ice.omitted.candidates), (Session::MOST_CANDIDATES, 36));
        let sources: String = (0..100).map(|ssrc| format!("a=ssrc:{ssrc} cname:x\r\n")).collect();
        let announced = Session::read(format!("{USUAL}{sources}").as_bytes()).unwrap();
        assert_eq!((announced.media[1].ssrcs.len(), announced.omitted.sources), (Session::MOST_SOURCES, 36));
        let long = Session::read(format!("{USUAL}{}", "a=x\r\n".repeat(1_000_000)).as_bytes()).unwrap();
        assert_eq!((long.media.len(), long.omitted.bytes > 4_000_000), (2, true));
    }

    proptest! {
        /// What the lines are made of cannot be refused, whatever they were.
        #[test]
        fn no_line_is_refused(lines in proptest::collection::vec(("[vosiuepcbtrzkam]", "[ -~\\t\\r\0é=:/]{0,40}"), 0..30)) {
            let body: String = lines.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
            if let Err(error) = Session::read(body.as_bytes()) {
                prop_assert!(error.kind() != "refused", "{body:?}");
            }
        }

        #[test]
        fn no_bytes_stop_it(
            mutations in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..30),
            noise in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut body = USUAL.as_bytes().to_vec();
            for (at, byte) in mutations {
                let at = at.index(body.len());
                body[at] = byte;
            }
            for body in [body, noise] {
                match Session::read(&body) {
                    Ok(session) => drop(crate::agree(&session, &session)),
                    Err(error) => prop_assert!(error.kind() != "refused"),
                }
            }
        }

        /// Where `sdp-types` reads the body as it stands, the media descriptions are the same.
        #[test]
        fn agrees_with_sdp_types(ports in proptest::collection::vec(1u16.., 1..10), octet: u8) {
            let media: String = ports.iter().map(|port| format!("m=audio {port} RTP/AVP 0\r\n")).collect();
            let body = format!("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 192.0.2.{octet}\r\nt=0 0\r\n{media}");
            let theirs = sdp_types::Session::parse(body.as_bytes()).unwrap();
            let ours = Session::read(body.as_bytes()).unwrap();
            prop_assert_eq!(ours.media.iter().map(|m| m.port).collect::<Vec<_>>(), theirs.medias.iter().map(|m| m.port).collect::<Vec<_>>());
            let address = theirs.connection.unwrap().try_address().unwrap().ip;
            prop_assert!(ours.media.iter().all(|media| media.address == Some(address)));
        }
    }
}
