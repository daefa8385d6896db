//! The closed sets of a record: what became of a call, why it ended, and the like, each with its spelling.

use serde::{Deserialize, Serialize};

/// A word that is none of its closed set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is none of {}", known.join(", "))]
pub struct Unknown {
    /// The word as given.
    pub word: String,
    /// The words that would have done.
    pub known: Vec<&'static str>,
}

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$word_doc])* #[serde(rename = $text)] $word,)+
        }

        impl $name {
            /// Every member, in the order of the contract.
            pub const ALL: &'static [$name] = &[$($name::$word),+];

            /// The word as records, filters and labels spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$word => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = Unknown;
            fn from_str(word: &str) -> Result<Self, Unknown> {
                let known = || $name::ALL.iter().map(|member| member.as_str()).collect();
                let found = $name::ALL.iter().find(|member| member.as_str() == word);
                found.copied().ok_or_else(|| Unknown { word: word.to_owned(), known: known() })
            }
        }
    };
}

closed_set! {
    /// How far a call's signalling came.
    State {
        /// Answered and ended.
        Completed = "completed",
        /// Given up by the caller before an answer.
        Cancelled = "cancelled",
        /// Refused by the callee.
        Rejected = "rejected",
        /// Refused by the network.
        Failed = "failed",
        /// Never answered, never refused.
        Unanswered = "unanswered",
        /// Its beginning or its end was not seen.
        Incomplete = "incomplete",
        /// Still going on.
        InProgress = "in_progress",
    }
}

closed_set! {
    /// What became of a call: exactly one for each call seen.
    Outcome {
        /// Both parties' audio is there.
        Recorded = "recorded",
        /// Audio is there, but not all of it.
        RecordedPartial = "recorded_partial",
        /// One party's audio only was ever sent.
        OneWay = "one_way",
        /// Answered, and no media came.
        NoMedia = "no_media",
        /// The media is encrypted and its key unknown.
        SrtpNoKey = "srtp_no_key",
        /// No decoder for the media.
        CodecUnsupported = "codec_unsupported",
        /// A rule said not to record.
        PolicySkipped = "policy_skipped",
        /// There was no call to record.
        NotAnswered = "not_answered",
        /// Packets were lost on the way to this program.
        CaptureLoss = "capture_loss",
        /// The disk did not take it.
        StorageError = "storage_error",
        /// Two calls could claim the media; neither got it.
        AmbiguousMedia = "ambiguous_media",
        /// A fault of this program.
        InternalError = "internal_error",
    }
}

closed_set! {
    /// Why a call ended.
    EndReason {
        /// The caller said BYE.
        ByeCaller = "bye_caller",
        /// The callee said BYE.
        ByeCallee = "bye_callee",
        /// The caller gave up before an answer.
        Cancel = "cancel",
        /// A final response refused it.
        Rejected = "rejected",
        /// Its media stopped and nothing more was heard.
        MediaTimeout = "media_timeout",
        /// The session timer ran out (RFC 4028).
        SessionTimer = "session_timer",
        /// Another dialog took its place (RFC 3891).
        Replaced = "replaced",
        /// A newer call claimed its ports.
        PortReuse = "port_reuse",
        /// The capture ended first.
        CaptureEnd = "capture_end",
        /// The recorder was stopped first.
        Shutdown = "shutdown",
    }
}

closed_set! {
    /// A party of a call.
    Role {
        /// Who invited; channel 0.
        Caller = "caller",
        /// Who was invited; channel 1.
        Callee = "callee",
    }
}

closed_set! {
    /// Who holds the call.
    Hold {
        /// Nobody.
        None = "none",
        /// The caller.
        Caller = "caller",
        /// The callee.
        Callee = "callee",
        /// Both.
        Both = "both",
    }
}

closed_set! {
    /// Where the samples of an interval come from.
    Provenance {
        /// The party's own, from packets.
        Received = "received",
        /// Made up over a short loss.
        Concealed = "concealed",
        /// Noise that the sender asked for.
        ComfortNoise = "comfort_noise",
        /// The sender sent nothing, or it was lost for longer than can be concealed.
        Silence = "silence",
        /// The party was on hold.
        Hold = "hold",
        /// Blanked on purpose.
        Masked = "masked",
        /// The recorder was not there to see it.
        NotCaptured = "not_captured",
    }
}

closed_set! {
    /// How a dialled digit travelled.
    DigitMethod {
        /// As a telephone event (RFC 4733).
        Rfc4733 = "rfc4733",
        /// In a SIP INFO.
        Info = "info",
        /// As a tone in the audio.
        Inband = "inband",
    }
}

closed_set! {
    /// Why a stream near a call is not in it.
    RefusalReason {
        /// Two calls could claim it with equal right.
        Ambiguous = "ambiguous",
        /// It is in another call.
        OtherCall = "other_call",
        /// It began after the call's end and its grace.
        AfterEnd = "after_end",
        /// It was over before a description named its address.
        BeforeOffer = "before_offer",
        /// Its payload type is none that a description has, nor any audio's.
        NotAudio = "not_audio",
        /// A few packets beside a stream that is the leg's own.
        Handful = "handful",
        /// Its source sends elsewhere at the same time, as described.
        SentElsewhere = "sent_elsewhere",
        /// The call had as many streams as it may have.
        TooMany = "too_many",
        /// No description names it, and nothing else speaks for it.
        NoClaim = "no_claim",
    }
}

closed_set! {
    /// Why two calls are linked.
    LinkReason {
        /// They share a Session-ID (RFC 7989).
        SessionId = "session_id",
        /// One replaces the other (RFC 3891).
        Replaces = "replaces",
        /// One came of a REFER in the other, or the REFER names it (RFC 3515).
        Refer = "refer",
        /// They share the identity of a charging vector (RFC 7315).
        Icid = "icid",
        /// A header of the site's own names the other.
        XHeader = "x_header",
        /// Their media is the same bytes.
        PayloadMatch = "payload_match",
    }
}

closed_set! {
    /// How a far end reported.
    ReportMethod {
        /// A block of a sender or receiver report (RFC 3550, section 6.4.1).
        Rr = "rr",
        /// Statistics of an extended report (RFC 3611, section 4.6).
        XrStatistics = "xr_statistics",
        /// VoIP metrics of an extended report (RFC 3611, section 4.7).
        XrVoip = "xr_voip",
        /// A report of voice quality by SIP (RFC 6035).
        VqRtcpxr = "vq_rtcpxr",
    }
}

closed_set! {
    /// What listening by numbers finds.
    FindingKind {
        /// Samples stand at full scale.
        Clipping = "clipping",
        /// Neither party can be heard for long.
        DeadAir = "dead_air",
        /// What one party says comes back in the other's channel.
        Echo = "echo",
        /// Speech is loud.
        HighLevel = "high_level",
        /// Speech is faint.
        LowLevel = "low_level",
        /// What is no speech is loud.
        Noise = "noise",
        /// One party is silent while the other speaks.
        OneWay = "one_way",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_contract() {
        let joined = |words: Vec<&str>| words.join("|");
        assert_eq!(
            joined(State::ALL.iter().map(|word| word.as_str()).collect()),
            "completed|cancelled|rejected|failed|unanswered|incomplete|in_progress"
        );
        assert_eq!(
            joined(Outcome::ALL.iter().map(|word| word.as_str()).collect()),
            "recorded|recorded_partial|one_way|no_media|srtp_no_key|codec_unsupported|policy_skipped|not_answered|\
             capture_loss|storage_error|ambiguous_media|internal_error"
        );
        assert_eq!(
            joined(EndReason::ALL.iter().map(|word| word.as_str()).collect()),
            "bye_caller|bye_callee|cancel|rejected|media_timeout|session_timer|replaced|port_reuse|capture_end|shutdown"
        );
        assert_eq!(
            joined(Provenance::ALL.iter().map(|word| word.as_str()).collect()),
            "received|concealed|comfort_noise|silence|hold|masked|not_captured"
        );
        assert_eq!(
            joined(LinkReason::ALL.iter().map(|word| word.as_str()).collect()),
            "session_id|replaces|refer|icid|x_header|payload_match"
        );
    }

    #[test]
    fn json_and_text_spell_a_word_alike() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_string(outcome).unwrap(), format!("\"{outcome}\""));
            assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        }
        let unknown = "lost".parse::<Hold>().unwrap_err();
        assert_eq!(unknown.to_string(), "\"lost\" is none of none, caller, callee, both");
    }
}
