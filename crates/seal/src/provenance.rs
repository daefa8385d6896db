//! Where every sample comes from, as a text that the audio file itself bears: the chunk `prov` of a WAV.

use std::fmt::Write;

use audio::Ledger;

/// The chunk's name.
pub(crate) const CHUNK: [u8; 4] = *b"prov";

/// One JSON object: the rate, the frames of the file, and each interval as `[channel, from, to, kind]`, in frames, channel by
/// channel and end to end.
pub(crate) fn json(ledgers: &[Ledger], sample_rate: u32, frames: u64) -> String {
    let mut text = format!(r#"{{"version":1,"sample_rate":{sample_rate},"frames":{frames},"intervals":["#);
    let intervals = ledgers.iter().enumerate();
    let intervals = intervals
        .flat_map(|(channel, ledger)| ledger.intervals().iter().map(move |interval| (channel, interval)));
    for (at, (channel, interval)) in intervals.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let (from, to, kind) = (interval.from, interval.to, interval.origin.as_str());
        // Text takes everything.
        let _ = write!(text, r#"{comma}[{channel},{from},{to},"{kind}"]"#);
    }
    text.push_str("]}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::Origin;

    #[test]
    fn every_interval_of_every_channel_is_told() {
        let mut ledger = Ledger::default();
        ledger.extend_to(160, Origin::Received);
        ledger.extend_to(200, Origin::Masked);
        let mut silent = Ledger::default();
        silent.extend_to(200, Origin::Silence);
        let expected = concat!(
            r#"{"version":1,"sample_rate":8000,"frames":200,"intervals":["#,
            r#"[0,0,160,"received"],[0,160,200,"masked"],[1,0,200,"silence"]]}"#
        );
        assert_eq!(json(&[ledger, silent], 8000, 200), expected);
        assert!(json(&[], 8000, 0).ends_with(r#""intervals":[]}"#));
    }
}
