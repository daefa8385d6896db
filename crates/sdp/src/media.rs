//! A media description (RFC 8866, section 5.14): what one side wants to receive, where, and in which formats.

use std::net::IpAddr;

use sdp_types::Attribute;

use crate::address;
use crate::candidate::Candidate;
use crate::crypto::Crypto;
use crate::direction::Direction;
use crate::format::Format;
use crate::session::{Omitted, Session, leading_number};
use crate::source::Source;

/// One `m=` line and what belongs to it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Media {
    /// What it carries.
    pub kind: MediaKind,
    /// Where it is received; 0 where it is rejected or no longer wanted.
    pub port: u16,
    /// The protocol in upper case: `RTP/AVP`, `RTP/SAVPF`, `UDPTL`.
    pub protocol: String,
    /// Its own address or the session's; `0.0.0.0` stays itself, a host name is none.
    pub address: Option<IpAddr>,
    /// RFC 3605: where RTCP is received, if not one port higher.
    pub rtcp: Option<(Option<IpAddr>, u16)>,
    /// RFC 5761: RTCP may come to the port of RTP.
    pub rtcp_mux: bool,
    /// Its own direction or the session's, as its side sees it.
    pub direction: Direction,
    /// Payload types in order of preference; those of other protocols than RTP are none.
    pub formats: Vec<Format>,
    /// How much of the media it wants in a packet.
    pub ptime_ms: Option<u32>,
    /// Further places where it may receive.
    pub candidates: Vec<Candidate>,
    /// Who is going to send.
    pub ssrcs: Vec<Source>,
    /// Keys in the description (RFC 4568), on plain `RTP/AVP` too.
    pub crypto: Vec<Crypto>,
    /// Is there a fingerprint, and so DTLS-SRTP (RFC 5763)?
    pub dtls: bool,
    /// Its side's name in the connectivity checks of ICE (RFC 8839, section 5.4).
    pub ice_ufrag: Option<String>,
    /// Its name in groups (RFC 5888).
    pub mid: Option<String>,
    /// What the application calls it (RFC 4574).
    pub label: Option<String>,
    /// RFC 9143: its port is 0 because it uses that of its bundle.
    pub bundle_only: bool,
}

/// What the session said for every media description.
#[derive(Default)]
pub(crate) struct Defaults {
    pub(crate) address: Option<IpAddr>,
    pub(crate) direction: Option<Direction>,
    pub(crate) ptime_ms: Option<u32>,
    pub(crate) dtls: bool,
    pub(crate) ice_ufrag: Option<String>,
}

impl Media {
    pub(crate) fn read(parsed: &sdp_types::Media, defaults: &Defaults, omitted: &mut Omitted) -> Media {
        let own = parsed.connections.first();
        let own = own.and_then(|connection| address::read(&connection.connection_address));
        let mut media = Media {
            kind: MediaKind::of(&parsed.media),
            port: parsed.port,
            protocol: parsed.proto.to_ascii_uppercase(),
            address: own.or(defaults.address),
            ptime_ms: defaults.ptime_ms,
            dtls: defaults.dtls,
            ice_ufrag: defaults.ice_ufrag.clone(),
            ..Media::default()
        };
        media.take_formats(&parsed.fmt);
        let mut direction = None;
        for Attribute { attribute, value } in &parsed.attributes {
            let name = attribute.trim().to_ascii_lowercase();
            direction = direction.or_else(|| Direction::of(&name));
            media.take_attribute(&name, value.as_deref().unwrap_or_default().trim(), omitted);
        }
        media.direction = direction.or(defaults.direction).unwrap_or_default();
        media
    }

    /// Was it turned down, or given up?
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.port == 0 && !self.bundle_only
    }

    /// Is the media encrypted, whichever way that is said?
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.dtls || !self.crypto.is_empty() || self.protocol.contains("SAVP")
    }

    /// Is it RTP of any profile?
    #[must_use]
    pub fn is_rtp(&self) -> bool {
        self.protocol.contains("AVP")
    }

    /// Is it a fax by T.38: over UDPTL or TCP, or, where it is what is preferred, over RTP (ITU-T T.38, annex D; RFC 4612)?
    #[must_use]
    pub fn is_fax(&self) -> bool {
        let by_rtp = self.formats.first().is_some_and(|format| format.encoding == "T38");
        let protocols = ["UDPTL", "TCP"];
        by_rtp || self.kind == MediaKind::Image && protocols.iter().any(|name| self.protocol.contains(name))
    }

    /// Where RTCP is received: at the port of RTP where `muxed` says that both sides agreed to it, where `a=rtcp`
    /// says, or one port higher.
    #[must_use]
    pub fn rtcp_endpoint(&self, muxed: bool) -> Option<(Option<IpAddr>, u16)> {
        if muxed {
            return Some((self.address, self.port)).filter(|(_, port)| *port != 0);
        }
        match self.rtcp {
            Some((address, port)) => Some((address.or(self.address), port)),
            None if self.port == 0 => None,
            None => self.port.checked_add(1).map(|port| (self.address, port)),
        }
    }

    /// Does it tell the other side not to send by the address `0.0.0.0`? RFC 2543 held a call so, and some still do;
    /// beside ICE candidates it only says that those count (RFC 8840, section 4.1.1).
    #[must_use]
    pub fn is_held_by_address(&self) -> bool {
        self.candidates.is_empty()
            && self.port != DISCARD
            && self.address.is_some_and(|address| address.is_unspecified())
    }

    /// The format of a payload type.
    #[must_use]
    pub fn format(&self, payload_type: u8) -> Option<&Format> {
        self.formats.iter().find(|format| format.payload_type == payload_type)
    }

    fn take_formats(&mut self, list: &str) {
        for payload_type in list.split_ascii_whitespace().filter_map(payload_type) {
            if self.is_rtp() && self.format(payload_type).is_none() {
                self.formats.push(Format::of(payload_type));
            }
        }
    }

    fn take_attribute(&mut self, name: &str, value: &str, omitted: &mut Omitted) {
        match name {
            "rtpmap" => self.take_map(value),
            "fmtp" => self.take_parameters(value),
            "ptime" => self.ptime_ms = leading_number(value).or(self.ptime_ms),
            "rtcp" => self.rtcp = leading_port(value).map(|port| (address::find(value), port)).or(self.rtcp),
            "rtcp-mux" | "rtcp-mux-only" => self.rtcp_mux = true,
            "bundle-only" => self.bundle_only = true,
            "fingerprint" => self.dtls = true,
            "ice-ufrag" => self.ice_ufrag = word(value).or(self.ice_ufrag.take()),
            "mid" => self.mid = word(value).or(self.mid.take()),
            "label" => self.label = word(value).or(self.label.take()),
            "candidate" => keep(&mut self.candidates, Candidate::read(value), &mut omitted.candidates),
            "crypto" => keep(&mut self.crypto, Crypto::read(value), &mut omitted.sources),
            "ssrc" => self.take_source(value, omitted),
            _ => {}
        }
    }

    fn take_map(&mut self, value: &str) {
        let Some((format, encoding)) = self.named_format(value) else { return };
        if !encoding.is_empty() {
            format.map(encoding);
        }
    }

    fn take_parameters(&mut self, value: &str) {
        let Some((format, parameters)) = self.named_format(value) else { return };
        format.fmtp = Some(parameters.to_owned()).filter(|text| !text.is_empty());
    }

    /// The format whose payload type a value opens with, and the rest of the value.
    fn named_format<'v>(&mut self, value: &'v str) -> Option<(&mut Format, &'v str)> {
        let (number, rest) = value.split_once([' ', '\t'])?;
        let number = payload_type(number)?;
        let format = self.formats.iter_mut().find(|format| format.payload_type == number)?;
        Some((format, rest.trim()))
    }

    /// A source comes once an attribute, and only one of those names it.
    fn take_source(&mut self, value: &str, omitted: &mut Omitted) {
        let Some(read) = Source::read(value) else { return };
        match self.ssrcs.iter_mut().find(|known| known.ssrc == read.ssrc) {
            Some(known) => known.cname = known.cname.take().or(read.cname),
            None => keep(&mut self.ssrcs, Some(read), &mut omitted.sources),
        }
    }
}

/// The port of an address that is still to come (RFC 8840, section 4.1.1).
const DISCARD: u16 = 9;

/// Keeps what was read, as long as there is room.
fn keep<T>(kept: &mut Vec<T>, read: Option<T>, omitted: &mut usize) {
    let Some(read) = read else { return };
    if kept.len() < Session::MOST_SOURCES.min(Session::MOST_CANDIDATES) {
        kept.push(read);
    } else {
        *omitted += 1;
    }
}

fn payload_type(text: &str) -> Option<u8> {
    text.trim().parse().ok().filter(|number| *number < 128)
}

fn leading_port(value: &str) -> Option<u16> {
    leading_number(value).and_then(|port| u16::try_from(port).ok())
}

pub(crate) fn word(value: &str) -> Option<String> {
    value.split_ascii_whitespace().next().map(str::to_owned)
}

/// What a media description carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum MediaKind {
    /// Speech and other sound.
    Audio,
    /// Pictures that move.
    Video,
    /// Fax, by T.38.
    Image,
    /// Text as it is typed (RFC 4103).
    Text,
    /// Data of an application.
    Application,
    /// Messages (RFC 4975).
    Message,
    /// Anything else.
    #[default]
    Other,
}

impl MediaKind {
    /// The kind of an `m=` line's first word.
    #[must_use]
    pub fn of(word: &str) -> MediaKind {
        const KINDS: [(&str, MediaKind); 6] = [
            ("audio", MediaKind::Audio),
            ("video", MediaKind::Video),
            ("image", MediaKind::Image),
            ("text", MediaKind::Text),
            ("application", MediaKind::Application),
            ("message", MediaKind::Message),
        ];
        let known = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        known.map_or(MediaKind::Other, |(_, kind)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(lines: &str) -> Media {
        let body = format!("v=0\r\nc=IN IP4 192.0.2.1\r\na=sendonly\r\na=ptime:30\r\n{lines}");
        Session::read(body.as_bytes()).unwrap().media.remove(0)
    }

    #[test]
    fn reads_formats() {
        let audio = media(
            "m=audio 4000/2 RTP/AVP 0 9 18 96 101 0 200 x\r\na=rtpmap:96  opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n\
             a=fmtp:101 0-16\r\na=fmtp:18 annexb=no\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:55 GSM/8000\r\na=rtpmap:\r\n",
        );
        let read: Vec<_> = audio
            .formats
            .iter()
            .map(|f| (f.payload_type, f.encoding.as_str(), f.clock_rate, f.channels))
            .collect();
        let expected = [
            (0, "PCMU", 8000, 1),
            (9, "G722", 8000, 1),
            (18, "G729", 8000, 1),
            (96, "OPUS", 48000, 2),
            (101, "TELEPHONE-EVENT", 8000, 1),
        ];
        assert_eq!(read, expected);
        assert_eq!(audio.format(101).unwrap().fmtp.as_deref(), Some("0-16"));
        assert_eq!(audio.format(18).unwrap().fmtp.as_deref(), Some("annexb=no"));
        assert_eq!((audio.kind, audio.port), (MediaKind::Audio, 4000));
    }

    #[test]
    fn its_own_lines_go_before_the_session_s() {
        let inherited = media("m=audio 4000 RTP/AVP 0\r\n");
        assert_eq!((inherited.direction, inherited.ptime_ms), (Direction::SendOnly, Some(30)));
        assert_eq!(inherited.address, Some("192.0.2.1".parse().unwrap()));
        let own = media("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::7\r\na=ptime:20.0\r\na=INACTIVE\r\n");
        assert_eq!((own.direction, own.ptime_ms), (Direction::Inactive, Some(20)));
        assert_eq!(own.address, Some("2001:db8::7".parse().unwrap()));
    }

    #[test]
    fn knows_where_rtcp_comes_to() {
        let ip = |text: &str| Some(text.parse().unwrap());
        let plain = media("m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n");
        assert_eq!(plain.rtcp_endpoint(false), Some((ip("192.0.2.1"), 4001)));
        assert_eq!(plain.rtcp_endpoint(true), Some((ip("192.0.2.1"), 4000)));
        let port = media("m=audio 4000 RTP/AVP 0\r\na=rtcp:5001\r\n");
        assert_eq!(port.rtcp_endpoint(false), Some((ip("192.0.2.1"), 5001)));
        let elsewhere = media("m=audio 4000 RTP/AVP 0\r\na=rtcp:5001 IN IP4 192.0.2.9\r\n");
        assert_eq!(elsewhere.rtcp_endpoint(false), Some((ip("192.0.2.9"), 5001)));
        assert_eq!(media("m=audio 65535 RTP/AVP 0\r\n").rtcp_endpoint(false), None);
        assert_eq!(media("m=audio 0 RTP/AVP 0\r\n").rtcp_endpoint(true), None);
    }

    #[test]
    fn knows_what_is_encrypted_and_what_is_turned_down() {
        assert!(!media("m=audio 4000 RTP/AVP 0\r\n").is_secure());
        assert!(media("m=audio 4000 RTP/SAVP 0\r\n").is_secure());
        assert!(
            media("m=audio 4000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n").is_secure()
        );
        assert!(media("m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 AA\r\n").dtls);
        assert!(media("m=audio 0 RTP/AVP 0\r\n").is_rejected());
        assert!(!media("m=audio 0 RTP/AVP 0\r\na=bundle-only\r\n").is_rejected());
        assert!(media("m=image 4000 udptl t38\r\n").is_fax());
        assert!(media("m=image 4000 TCP t38\r\n").is_fax());
        assert!(media("m=audio 4000 RTP/AVP 98\r\na=rtpmap:98 t38/8000\r\n").is_fax());
        assert!(!media("m=audio 4000 RTP/AVP 0 98\r\na=rtpmap:98 t38/8000\r\n").is_fax());
        assert!(!media("m=image 4000 sctp whiteboard\r\n").is_fax());
    }

    #[test]
    fn reads_what_ice_and_sources_say() {
        let webrtc = media(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=candidate:1 1 udp 1 192.0.2.7 4000 typ host\r\n\
             a=ice-ufrag:9uB6\r\na=ssrc:7 msid:a b\r\na=ssrc:7 cname:x\r\na=mid:0\r\na=label:main\r\n",
        );
        assert_eq!(
            webrtc.candidates,
            [Candidate { component: 1, address: "192.0.2.7".parse().unwrap(), port: 4000 }]
        );
        assert_eq!(webrtc.ssrcs, [Source { ssrc: 7, cname: Some("x".to_owned()) }]);
        assert_eq!((webrtc.mid.as_deref(), webrtc.label.as_deref()), (Some("0"), Some("main")));
        assert_eq!(webrtc.ice_ufrag.as_deref(), Some("9uB6"));
        assert!(!webrtc.is_held_by_address());
        assert!(media("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n").is_held_by_address());
    }
}
