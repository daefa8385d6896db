//! What follows from what was seen. Each rule is a function of its own: counts in, a finding or none out.

use crate::finding::{Finding, Findings};
use crate::seen::Seen;

/// What is to be said of what was seen.
#[must_use]
pub fn findings(seen: &Seen) -> Findings {
    let mut findings: Vec<Finding> = RULES.iter().filter_map(|rule| rule(seen)).collect();
    findings.sort_by_key(|finding| !finding.fault);
    Findings {
        packets: seen.packets,
        seconds: seen.seconds,
        calls: seen.calls.seen,
        fault: findings.iter().any(|finding| finding.fault),
        findings,
    }
}

type Rule = fn(&Seen) -> Option<Finding>;

/// The gravest first.
const RULES: [Rule; 16] = [
    nothing,
    dropped,
    no_signalling,
    half_the_signalling,
    one_direction,
    signalling_without_media,
    media_without_signalling,
    cut,
    fragments,
    no_key,
    codecs,
    super_frames,
    duplicates,
    wrapped,
    translated,
    disk,
];

fn nothing(seen: &Seen) -> Option<Finding> {
    let advice =
        "is the port the destination of a mirror session, is the cable up, does a filter keep all out?";
    (seen.packets == 0).then(|| fault("nothing", "no packet was seen".to_owned(), advice, (0, 0)))
}

fn dropped(seen: &Seen) -> Option<Finding> {
    let lost: u64 = seen.dropped.iter().map(|(_, packets)| packets).sum();
    let owners: Vec<String> =
        seen.dropped.iter().map(|(who, packets)| format!("{packets} by {who}")).collect();
    let text = format!("packets were lost before they could be read: {}", owners.join(", "));
    let advice = "give the kernel more room (-B), or filter out what is neither SIP nor media (-f)";
    (lost > 0).then(|| fault("dropped", text, advice, (lost, lost + seen.packets)))
}

fn no_signalling(seen: &Seen) -> Option<Finding> {
    let silent = seen.packets > 0 && seen.requests + seen.responses == 0;
    let text = if seen.streams_of_no_call > 0 {
        format!("no SIP was seen, but {} streams of media", seen.streams_of_no_call)
    } else {
        "no SIP was seen".to_owned()
    };
    let advice = "mirror the port of the SIP server too; SIP over TLS needs a key log (--tls-keylog), or an agent that \
                  sends HEP (--hep)";
    silent.then(|| fault("no_signalling", text, advice, (0, seen.packets)))
}

fn half_the_signalling(seen: &Seen) -> Option<Finding> {
    let (requests, responses) = (seen.requests, seen.responses);
    let of = requests + responses;
    let text = match (requests, responses) {
        (FEW.., 0) => format!("{requests} SIP requests were seen, and no response"),
        (0, FEW..) => format!("{responses} SIP responses were seen, and no request"),
        _ => return None,
    };
    Some(fault("half_the_signalling", text, BOTH_DIRECTIONS, (of, of)))
}

/// So many may be chance.
const FEW: u64 = 3;
const BOTH_DIRECTIONS: &str = "mirror what the port receives and what it sends; where both parties' media take different ports, mirror both";

fn one_direction(seen: &Seen) -> Option<Finding> {
    let calls = &seen.calls;
    let one_way = calls.only_caller + calls.only_callee;
    let of = one_way + calls.both_ways;
    let who = match (calls.only_caller, calls.only_callee) {
        (0, 0) => return None,
        (_, 0) => "the callee is never",
        (0, _) => "the caller is never",
        _ => "one of the parties is not",
    };
    let text = format!("in {one_way} of {of} calls with media {who} heard");
    let is_fault = 2 * one_way >= of;
    Some(finding("one_direction", is_fault, text, Some(BOTH_DIRECTIONS), (one_way, of)))
}

fn signalling_without_media(seen: &Seen) -> Option<Finding> {
    let (missing, of) = (seen.calls.without_media, seen.calls.answered);
    let text = format!("{missing} of {of} answered calls have no media");
    let advice =
        "media may go past the mirror, from phone to phone: mirror their switch, or have the server relay it";
    let is_fault = is_notable(missing, of);
    (missing > 0).then(|| finding("signalling_without_media", is_fault, text, Some(advice), (missing, of)))
}

fn media_without_signalling(seen: &Seen) -> Option<Finding> {
    let (packets, of) = (seen.rtp_of_no_call, seen.rtp_of_no_call + seen.rtp_in_calls);
    let text =
        format!("{packets} of {of} RTP packets are in streams of no call ({})", seen.streams_of_no_call);
    let advice =
        "their signalling is not in the mirror, or the calls began before; --orphans record keeps such media";
    let is_fault = is_notable(packets, of);
    (packets > 0).then(|| finding("media_without_signalling", is_fault, text, Some(advice), (packets, of)))
}

/// One in twenty and more is no accident.
const fn is_notable(count: u64, of: u64) -> bool {
    count > 0 && count * 20 >= of
}

fn cut(seen: &Seen) -> Option<Finding> {
    let text = format!("{} packets are cut: the capture keeps only the beginning of each frame", seen.cut);
    let advice = "capture whole frames (-s 262144, or without -s; tcpdump -s 0)";
    (seen.cut > 0).then(|| fault("snaplen", text, advice, (seen.cut, seen.packets)))
}

fn fragments(seen: &Seen) -> Option<Finding> {
    let text = format!("{} fragmented packets never became whole", seen.fragments_lost);
    let advice = if seen.is_filtered {
        "the filter may lose the rests of fragmented packets, which have no ports: add `or ip[6:2] & 0x1fff != 0`"
    } else {
        "some of their fragments are not in the mirror: it loses packets, or they take another way"
    };
    let count = (seen.fragments_lost, seen.packets);
    (seen.fragments_lost > 0).then(|| fault("fragments", text, advice, count))
}

fn no_key(seen: &Seen) -> Option<Finding> {
    let (calls, of) = (seen.calls.without_key, seen.calls.answered);
    let share = 100.0 * seen.calls.secure as f64 / seen.calls.streams.max(1) as f64;
    let text = format!(
        "{calls} of {of} answered calls are encrypted without a key ({share:.0} % of all streams are)"
    );
    let advice =
        "let the signalling that carries the keys be seen (SDES in SIP), or give a key log (--tls-keylog)";
    (calls > 0).then(|| fault("srtp_no_key", text, advice, (calls, of)))
}

fn codecs(seen: &Seen) -> Option<Finding> {
    let calls: u64 = seen.calls.undecoded.values().sum();
    let names: Vec<String> =
        seen.calls.undecoded.iter().map(|(name, calls)| format!("{name} in {calls}")).collect();
    let text = format!("{calls} calls have media that cannot be decoded here: {}", names.join(", "));
    let advice =
        "install ffmpeg; what still cannot be decoded is kept as packets, and `sipreel render` tries again";
    (calls > 0).then(|| fault("codecs", text, advice, (calls, seen.calls.answered)))
}

fn super_frames(seen: &Seen) -> Option<Finding> {
    let text = format!(
        "{} frames are longer than the network carries: packets were merged on this machine",
        seen.super_frames
    );
    let advice = "turn that off at the mirror port: ethtool -K IFACE gro off lro off tso off gso off";
    let count = (seen.super_frames, seen.packets);
    (seen.super_frames > 0).then(|| finding("super_frames", false, text, Some(advice), count))
}

fn duplicates(seen: &Seen) -> Option<Finding> {
    let once = seen.packets.saturating_sub(seen.copies).max(1);
    let factor = seen.packets as f64 / once as f64;
    let text = format!("each packet comes {factor:.2} times on average; copies are left out");
    let advice = "mirror each packet at one place only: received or sent, not both, or fewer ports";
    let count = (seen.copies, seen.packets);
    (seen.copies > 0).then(|| finding("duplicates", false, text, Some(advice), count))
}

fn wrapped(seen: &Seen) -> Option<Finding> {
    let streams: u64 = seen.calls.wrapped.values().sum();
    let kinds: Vec<String> =
        seen.calls.wrapped.iter().map(|(kind, streams)| format!("{kind} ({streams} streams)")).collect();
    let text = format!("media comes in tags or tunnels, which are taken off: {}", kinds.join(", "));
    (streams > 0).then(|| finding("encapsulation", false, text, None, (streams, seen.calls.streams)))
}

fn translated(seen: &Seen) -> Option<Finding> {
    let (streams, of) = (seen.calls.translated, seen.calls.streams);
    let text = format!("{streams} of {of} streams go to another address than was described (NAT)");
    (streams > 0).then(|| finding("nat", false, text, None, (streams, of)))
}

fn disk(seen: &Seen) -> Option<Finding> {
    let free = seen.free_bytes?;
    if seen.calls.audio_bytes == 0 || seen.seconds < 1.0 {
        return None;
    }
    let a_day = seen.calls.audio_bytes as f64 / seen.seconds * 86_400.0;
    let days = free as f64 / a_day;
    let text =
        format!("audio takes {:.1} GB a day at this rate: the disk lasts for {days:.0} days", a_day / 1e9);
    Some(finding("disk", days < 1.0, text, None, (free, a_day as u64)))
}

fn fault(about: &'static str, text: String, advice: &'static str, count: (u64, u64)) -> Finding {
    finding(about, true, text, Some(advice), count)
}

fn finding(
    about: &'static str,
    is_fault: bool,
    text: String,
    advice: Option<&'static str>,
    (count, of): (u64, u64),
) -> Finding {
    Finding { finding: about, fault: is_fault, text, advice, count, of }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Calls;

    /// Ten calls as they should be.
    fn fine() -> Seen {
        let calls = Calls { seen: 12, answered: 10, both_ways: 10, streams: 20, ..Calls::default() };
        Seen {
            packets: 10_000,
            seconds: 60.0,
            requests: 40,
            responses: 60,
            rtp_in_calls: 9_900,
            calls,
            ..Seen::default()
        }
    }

    /// What is found where `spoil` was done to what is fine.
    fn found(spoil: impl Fn(&mut Seen)) -> Vec<(&'static str, bool)> {
        let mut seen = fine();
        spoil(&mut seen);
        findings(&seen).findings.iter().map(|finding| (finding.finding, finding.fault)).collect()
    }

    #[test]
    fn nothing_is_found_where_nothing_is_wrong() {
        assert_eq!(findings(&fine()).findings, []);
        let said = findings(&fine()).to_string();
        assert_eq!(said, "looked at 10000 packets in 60.0 s, 12 calls\nno fault found\n");
    }

    #[test]
    fn each_fault_is_found_and_alone() {
        assert_eq!(found(|seen| *seen = Seen::default()), [("nothing", true)]);
        assert_eq!(found(|seen| seen.dropped = vec![("the kernel", 7)]), [("dropped", true)]);
        assert_eq!(found(|seen| (seen.requests, seen.responses) = (0, 0)), [("no_signalling", true)]);
        assert_eq!(found(|seen| seen.responses = 0), [("half_the_signalling", true)]);
        assert_eq!(found(|seen| seen.requests = 0), [("half_the_signalling", true)]);
        assert_eq!(found(|seen| seen.calls.without_media = 5), [("signalling_without_media", true)]);
        assert_eq!(found(|seen| seen.rtp_of_no_call = 5_000), [("media_without_signalling", true)]);
        assert_eq!(found(|seen| seen.cut = 1), [("snaplen", true)]);
        assert_eq!(found(|seen| seen.fragments_lost = 1), [("fragments", true)]);
        assert_eq!(found(|seen| seen.calls.without_key = 1), [("srtp_no_key", true)]);
        let codec = |seen: &mut Seen| seen.calls.undecoded = [("EVS".to_owned(), 3)].into();
        assert_eq!(found(codec), [("codecs", true)]);
    }

    #[test]
    fn what_costs_no_recording_is_a_note() {
        assert_eq!(found(|seen| seen.calls.without_media = 1), [("signalling_without_media", true)]);
        let one_in_a_hundred = |seen: &mut Seen| (seen.calls.answered, seen.calls.without_media) = (100, 1);
        assert_eq!(found(one_in_a_hundred), [("signalling_without_media", false)]);
        assert_eq!(found(|seen| seen.rtp_of_no_call = 10), [("media_without_signalling", false)]);
        assert_eq!(found(|seen| seen.super_frames = 9), [("super_frames", false)]);
        assert_eq!(found(|seen| seen.copies = 5_000), [("duplicates", false)]);
        assert_eq!(found(|seen| seen.calls.translated = 2), [("nat", false)]);
        let wrapped = |seen: &mut Seen| seen.calls.wrapped = [("vxlan".to_owned(), 3)].into();
        assert_eq!(found(wrapped), [("encapsulation", false)]);
    }

    #[test]
    fn one_direction_is_a_fault_where_it_is_the_rule() {
        let calls = |only_caller, only_callee, both_ways| {
            move |seen: &mut Seen| {
                (seen.calls.only_caller, seen.calls.only_callee, seen.calls.both_ways) =
                    (only_caller, only_callee, both_ways);
            }
        };
        assert_eq!(found(calls(9, 0, 1)), [("one_direction", true)]);
        assert_eq!(found(calls(1, 1, 8)), [("one_direction", false)]);
        let mut seen = fine();
        calls(9, 0, 1)(&mut seen);
        let told = &findings(&seen).findings[0].text;
        assert_eq!(told, "in 9 of 10 calls with media the callee is never heard");
    }

    #[test]
    fn copies_are_told_as_a_factor_and_the_disk_in_days() {
        let mut seen = fine();
        seen.copies = 5_000;
        seen.calls.audio_bytes = 60_000_000;
        seen.free_bytes = Some(864_000_000_000);
        let told: Vec<_> = findings(&seen).findings.into_iter().map(|finding| finding.text).collect();
        assert_eq!(
            told,
            [
                "each packet comes 2.00 times on average; copies are left out",
                "audio takes 86.4 GB a day at this rate: the disk lasts for 10 days"
            ]
        );
        seen.free_bytes = Some(1_000_000);
        assert!(findings(&seen).fault, "less than a day");
    }

    #[test]
    fn faults_come_first() {
        let order = found(|seen| (seen.copies, seen.cut) = (1, 1));
        assert_eq!(order, [("snaplen", true), ("duplicates", false)]);
    }
}
