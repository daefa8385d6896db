//! What an offer and its answer agree upon (RFC 3264, sections 6 and 7): media description by media description, who
//! may send what to where.
//!
//! Each side receives at its own address, under its own payload types:
//!
//! | | offerer to answerer | answerer to offerer |
//! | --- | --- | --- |
//! | address and port | the answer's | the offer's |
//! | payload types | the answer's | the offer's, of the encodings the answer kept |
//! | flows where | the offer sends, the answer receives | the answer sends, the offer receives |

use std::net::IpAddr;

use crate::direction::Direction;
use crate::format::Format;
use crate::media::{Media, MediaKind};
use crate::session::Session;

/// One media description of the offer and its answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// Its place in the offer.
    pub offer_index: usize,
    /// The place of its answer, the same by the RFC.
    pub answer_index: usize,
    /// What it carries.
    pub kind: MediaKind,
    /// Did either side turn it down?
    pub is_rejected: bool,
    /// Is it encrypted, by what both say?
    pub is_secure: bool,
    /// RFC 5761: did both agree to have RTCP on the port of RTP?
    pub rtcp_mux: bool,
    /// What the offerer may send to the answerer.
    pub to_answerer: Way,
    /// What the answerer may send to the offerer.
    pub to_offerer: Way,
    /// Who has put the other on hold.
    pub hold: Hold,
}

/// One direction: what may be sent, and to where.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Way {
    /// Who receives; unspecified (`0.0.0.0`) in a hold of the old kind.
    pub address: Option<IpAddr>,
    /// On which port.
    pub port: u16,
    /// And where RTCP.
    pub rtcp: Option<(Option<IpAddr>, u16)>,
    /// The payload types that may come, by the receiver's numbers, in the answer's order.
    pub formats: Vec<Format>,
    /// Is media to flow at all?
    pub flows: bool,
}

/// Who does not listen any more, and so holds the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Hold {
    /// Nobody.
    #[default]
    None,
    /// The offerer.
    Offerer,
    /// The answerer.
    Answerer,
    /// Each the other.
    Both,
}

/// Matches an answer with its offer, in the offer's order. What the answer does not answer is not in it.
#[must_use]
pub fn agree(offer: &Session, answer: &Session) -> Vec<Agreed> {
    let mut agreed = Vec::with_capacity(offer.media.len());
    let mut taken = vec![false; answer.media.len()];
    for (offer_index, offered) in offer.media.iter().enumerate() {
        let Some(answer_index) = answer_of(offered, offer_index, answer, &taken) else { continue };
        let Some(answered) = answer.media.get(answer_index) else { continue };
        if let Some(taken) = taken.get_mut(answer_index) {
            *taken = true;
        }
        agreed.push(Agreed { offer_index, answer_index, ..agree_media(offered, answered) });
    }
    agreed
}

/// The answer at the same place; where that is of another kind, since some answer only what they take, the first of
/// the kind that is left.
fn answer_of(offered: &Media, place: usize, answer: &Session, taken: &[bool]) -> Option<usize> {
    let is_answer = |index: usize| {
        answer.media.get(index).is_some_and(|answered| answered.kind == offered.kind)
            && !taken.get(index).copied().unwrap_or(true)
    };
    if is_answer(place) { Some(place) } else { (0..answer.media.len()).find(|&index| is_answer(index)) }
}

fn agree_media(offered: &Media, answered: &Media) -> Agreed {
    let rtcp_mux = offered.rtcp_mux && answered.rtcp_mux;
    let is_rejected = offered.is_rejected() || answered.is_rejected();
    let way = |from: &Media, to: &Media, formats| Way {
        address: to.address,
        port: to.port,
        rtcp: to.rtcp_endpoint(rtcp_mux),
        formats,
        flows: !is_rejected && from.direction.sends() && listens(to),
    };
    Agreed {
        offer_index: 0,
        answer_index: 0,
        kind: offered.kind,
        is_rejected,
        is_secure: is_secure(offered, answered),
        rtcp_mux,
        to_answerer: way(offered, answered, answered.formats.clone()),
        to_offerer: way(answered, offered, kept_formats(&offered.formats, &answered.formats)),
        hold: if is_rejected { Hold::None } else { hold(offered, answered) },
    }
}

/// Keys that only the offer has are an offer declined, unless the answer's profile demands them.
fn is_secure(offered: &Media, answered: &Media) -> bool {
    answered.is_secure() && (offered.is_secure() || answered.protocol.contains("SAVP"))
}

/// RFC 3264, section 6.1: the answerer sends under the offer's numbers, which may differ from its own. An answer that
/// has no encoding in common with the offer is taken at its word, for something will be sent.
fn kept_formats(offered: &[Format], answered: &[Format]) -> Vec<Format> {
    let mut kept: Vec<Format> = Vec::with_capacity(answered.len());
    for format in answered {
        let same = |other: &&Format| format.is_same_encoding(other);
        let same_number = offered.iter().filter(same).find(|other| other.payload_type == format.payload_type);
        let Some(found) = same_number.or_else(|| offered.iter().find(same)) else { continue };
        if !kept.iter().any(|known| known.payload_type == found.payload_type) {
            kept.push(found.clone());
        }
    }
    if kept.is_empty() { answered.to_vec() } else { kept }
}

fn listens(media: &Media) -> bool {
    media.direction.receives() && !media.is_held_by_address()
}

/// Who does not listen holds. An answer that could not be another one, since the offer does not send, holds nobody
/// unless it says `sendonly`: that keeps up a hold begun before.
fn hold(offered: &Media, answered: &Media) -> Hold {
    let forced = !offered.direction.sends() && answered.direction == Direction::Inactive;
    match (listens(offered), listens(answered) || forced) {
        (true, true) => Hold::None,
        (false, true) => Hold::Offerer,
        (true, false) => Hold::Answerer,
        (false, false) => Hold::Both,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(address: &str, lines: &str) -> Session {
        Session::read(format!("v=0\r\nc=IN IP4 {address}\r\n{lines}").as_bytes()).unwrap()
    }

    fn offer(lines: &str) -> Session {
        session("192.0.2.1", lines)
    }

    fn answer(lines: &str) -> Session {
        session("198.51.100.2", lines)
    }

    fn numbers(way: &Way) -> Vec<(u8, &str)> {
        way.formats.iter().map(|format| (format.payload_type, format.encoding.as_str())).collect()
    }

    #[test]
    fn each_side_receives_at_its_own_place() {
        let agreed = agree(
            &offer("m=audio 4000 RTP/AVP 8 0\r\n"),
            &answer("m=audio 5000 RTP/AVP 0\r\na=rtcp:5007\r\n"),
        );
        let [audio] = agreed.as_slice() else { panic!("one description") };
        assert_eq!(
            (audio.to_answerer.address, audio.to_answerer.port),
            (Some("198.51.100.2".parse().unwrap()), 5000)
        );
        assert_eq!(
            (audio.to_offerer.address, audio.to_offerer.port),
            (Some("192.0.2.1".parse().unwrap()), 4000)
        );
        assert_eq!(audio.to_answerer.rtcp, Some((Some("198.51.100.2".parse().unwrap()), 5007)));
        assert_eq!(audio.to_offerer.rtcp, Some((Some("192.0.2.1".parse().unwrap()), 4001)));
        assert_eq!(
            (numbers(&audio.to_answerer), numbers(&audio.to_offerer)),
            (vec![(0, "PCMU")], vec![(0, "PCMU")])
        );
        assert!(audio.to_answerer.flows && audio.to_offerer.flows && !audio.is_rejected);
        assert_eq!(audio.hold, Hold::None);
    }

    #[test]
    fn a_dynamic_number_may_differ_with_the_direction() {
        let offered = offer(
            "m=audio 4000 RTP/AVP 96 97 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 speex/16000\r\na=rtpmap:101 telephone-event/8000\r\n",
        );
        let answered = answer(
            "m=audio 5000 RTP/AVP 111 96\r\na=rtpmap:111 OPUS/48000/2\r\na=rtpmap:96 telephone-event/8000\r\n",
        );
        let agreed = agree(&offered, &answered);
        assert_eq!(numbers(&agreed[0].to_answerer), [(111, "OPUS"), (96, "TELEPHONE-EVENT")]);
        assert_eq!(numbers(&agreed[0].to_offerer), [(96, "OPUS"), (101, "TELEPHONE-EVENT")]);
    }

    #[test]
    fn an_answer_with_nothing_in_common_is_taken_at_its_word() {
        let agreed = agree(&offer("m=audio 4000 RTP/AVP 0\r\n"), &answer("m=audio 5000 RTP/AVP 8\r\n"));
        assert_eq!(numbers(&agreed[0].to_offerer), [(8, "PCMA")]);
    }

    #[test]
    fn tells_who_holds() {
        for (offered, answered, hold, flows) in [
            ("sendrecv", "sendrecv", Hold::None, (true, true)),
            ("sendonly", "recvonly", Hold::Offerer, (true, false)),
            ("inactive", "inactive", Hold::Offerer, (false, false)),
            ("sendrecv", "sendonly", Hold::Answerer, (false, true)),
            ("recvonly", "sendonly", Hold::Answerer, (false, true)),
            ("sendrecv", "inactive", Hold::Answerer, (false, false)),
            ("recvonly", "inactive", Hold::None, (false, false)),
            ("sendonly", "inactive", Hold::Both, (false, false)),
            ("sendonly", "sendrecv", Hold::Offerer, (true, false)),
        ] {
            let line = |port: u16, direction: &str| format!("m=audio {port} RTP/AVP 0\r\na={direction}\r\n");
            let agreed = agree(&offer(&line(4000, offered)), &answer(&line(5000, answered)));
            let (to_answerer, to_offerer) = (agreed[0].to_answerer.flows, agreed[0].to_offerer.flows);
            assert_eq!((agreed[0].hold, (to_answerer, to_offerer)), (hold, flows), "{offered} {answered}");
        }
    }

    #[test]
    fn the_address_of_nobody_holds_too() {
        let line = "m=audio 4000 RTP/AVP 0\r\n";
        let agreed = agree(&session("0.0.0.0", line), &answer(line));
        assert_eq!(
            (agreed[0].hold, agreed[0].to_offerer.flows, agreed[0].to_answerer.flows),
            (Hold::Offerer, false, true)
        );
        assert_eq!(agreed[0].to_offerer.address, Some("0.0.0.0".parse().unwrap()));
    }

    #[test]
    fn matches_by_place_and_then_by_kind() {
        let offered =
            offer("m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 31\r\nm=audio 4004 RTP/AVP 8\r\n");
        let answered = answer("m=audio 5000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\nm=audio 5004 RTP/AVP 8\r\n");
        let places = |agreed: &[Agreed]| {
            agreed.iter().map(|a| (a.offer_index, a.answer_index, a.is_rejected)).collect::<Vec<_>>()
        };
        assert_eq!(places(&agree(&offered, &answered)), [(0, 0, false), (1, 1, true), (2, 2, false)]);
        let short = answer("m=audio 5000 RTP/AVP 0\r\nm=audio 5004 RTP/AVP 8\r\n");
        assert_eq!(places(&agree(&offered, &short)), [(0, 0, false), (2, 1, false)]);
        assert!(agree(&offered, &Session::default()).is_empty());
    }

    #[test]
    fn keys_count_where_both_have_them() {
        let keyed = "m=audio 4000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n";
        let plain = "m=audio 4000 RTP/AVP 0\r\n";
        assert!(agree(&offer(keyed), &answer(keyed))[0].is_secure);
        assert!(!agree(&offer(keyed), &answer(plain))[0].is_secure);
    }
}
