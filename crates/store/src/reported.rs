//! What the far ends reported of a stream, beside this program's own figures: by RTCP (RFC 3550, RFC 3611) and by SIP
//! (RFC 6035).

use clock::Time;
use serde::{Deserialize, Serialize};

use crate::leg::Ssrc;
use crate::number::Score;
use crate::outcome::ReportMethod;
use crate::timestamp;

/// One figure over all reports.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// The latest.
    pub last: Score,
    /// The worst.
    pub worst: Score,
    /// The mean of all.
    pub mean: Score,
}

macro_rules! reported {
    ($($(#[$doc:meta])* $figure:ident,)+) => {
        /// What one reporter told in one way. What was not told is not there.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        pub struct Reported {
            /// How it was told.
            pub by: ReportMethod,
            /// The SSRC of the reporter.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub reporter: Option<Ssrc>,
            /// How often.
            pub reports: u64,
            /// When the last report came.
            #[serde(default, with = "timestamp::optional", skip_serializing_if = "Option::is_none")]
            pub last_at: Option<Time>,
            /// Packets lost in all; below zero where doubles came.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub cumulative_lost: Option<i64>,
            /// Packets that came again.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub duplicates: Option<u64>,
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $figure: Option<Figure>,)+
        }

        impl Reported {
            /// That so many reports came that way, and nothing of what they say.
            #[must_use]
            pub fn new(by: ReportMethod, reports: u64) -> Reported {
                let (reporter, last_at, cumulative_lost, duplicates) = (None, None, None, None);
                Reported { by, reporter, reports, last_at, cumulative_lost, duplicates, $($figure: None,)+ }
            }
        }
    };
}

reported! {
    /// Lost of expected, 0 to 1.
    loss_ratio,
    /// Thrown away by the playout buffer.
    discard_ratio,
    /// Lost or thrown away within bursts.
    burst_density,
    /// The same between bursts.
    gap_density,
    /// The interarrival jitter.
    jitter_ms,
    /// The round trip. By `rr`: from where the capture was taken to the reporter and back; else between both ends, as the
    /// reporter found it.
    rtt_ms,
    /// Within the reporter, from the network to the ear.
    end_system_delay_ms,
    /// The playout buffer.
    jitter_buffer_ms,
    /// The level of speech.
    signal_dbm0,
    /// The level of what is no speech.
    noise_dbm0,
    /// How much weaker the echo comes back.
    echo_return_loss_db,
    /// The conversational rating.
    r,
    /// The listening quality, 1 to 5.
    mos_lq,
    /// The conversational quality.
    mos_cq,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_told_is_not_there() {
        let mut reported = Reported::new(ReportMethod::Rr, 2);
        reported.reporter = Some(Ssrc(9));
        reported.cumulative_lost = Some(-1);
        let half = Score::new(0.5);
        reported.loss_ratio = Some(Figure { last: Score::new(0.0), worst: half, mean: Score::new(0.25) });
        let json = serde_json::to_string(&reported).unwrap();
        assert_eq!(
            json,
            r#"{"by":"rr","reporter":"0x00000009","reports":2,"cumulative_lost":-1,"loss_ratio":{"last":0.0,"worst":0.5,"mean":0.25}}"#
        );
        assert_eq!(serde_json::from_str::<Reported>(&json).unwrap(), reported);
    }
}
