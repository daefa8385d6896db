//! What listening to a recording by numbers found in it: each with the interval that raised it.

use serde::{Deserialize, Serialize};

use crate::number::{Score, Seconds};
use crate::outcome::FindingKind;

/// Something a listener should know of an interval.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub flag: FindingKind,
    /// In which channel; null where in both.
    pub channel: Option<u16>,
    /// Its beginning, from frame 0.
    pub from_s: Seconds,
    /// Its end.
    pub to_s: Seconds,
    /// What was measured, in what is usual for that flag: dBov, seconds, or a share from 0 to 1.
    pub value: Score,
}

/// The levels of one channel.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Levels {
    /// The mean level while somebody speaks, in dBov (in the manner of ITU-T P.56); null where nobody does.
    pub active_dbov: Option<Score>,
    /// How much of the recording somebody speaks, 0 to 1.
    pub activity: Score,
    /// The level that nine in ten frames of sound are above, in dBov.
    pub noise_dbov: Option<Score>,
    /// The highest sample, in dBov.
    pub peak_dbov: Option<Score>,
    /// Samples that stand at full scale, three or more in a row.
    pub clipped_samples: u64,
}

/// A file of figures for each second of a recording.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Series {
    /// Where it is, relative to the store.
    pub path: String,
    /// How many seconds it holds.
    pub seconds: u64,
}
