//! The sound of a call that goes on, as far as it came: what its recording would hold if it ended now, in memory.

use std::path::Path;

use call::{Both, Call, Side};
use clock::Time;
use ffmpeg::Ffmpeg;
use rtp::Medium;

use crate::foreign::Foreigners;
use crate::leg::Leg;
use crate::render::{self, Destination};
use crate::shape::{Format, Layout, Rate, Shape};
use crate::{Settings, digits, secure};

/// What can be heard so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preview {
    /// When frame 0 belongs.
    pub started_at: Time,
    /// Frames a second.
    pub sample_rate: u32,
    /// Frames in all, those included that were not asked for.
    pub frames: u64,
    /// Both parties' samples in turn, from the frame on that was asked for.
    pub samples: Vec<i16>,
}

/// What can be heard of `call` from the time `from` on, at `rate` or, where none is told, the highest of what was sent;
/// `None` where there is nothing yet. Digits are masked as `settings` says. What other programs decode waits in `folder`
/// meanwhile.
///
/// The last moment is not settled: what comes next may fill a gap in it, or tell that a digit was dialled.
#[must_use]
pub fn preview(
    call: &Call,
    medium: &dyn Medium,
    folder: &Path,
    settings: &Settings,
    (from, rate): (Option<Time>, Option<u32>),
) -> Option<Preview> {
    let clear = secure::open(call, medium);
    let foreigners = Foreigners { ffmpeg: Ffmpeg::find(), folder };
    let leg = |side: Side| Leg::new(call, side, medium, clear.of(side), &foreigners);
    let legs = Both { caller: leg(Side::Caller), callee: leg(Side::Callee) };
    let pressed = digits::pressed(call, &legs);
    let rate = rate.map_or(Rate::Native, Rate::Hz);
    let shape = Shape { format: Format::Wav, layout: Layout::Stereo, rate };
    let settings = Settings { shape, ..*settings };
    let rendered = render::render(call, &legs, &pressed, &settings, Destination::Memory(from)).ok()??;
    let frames = rendered.tail.len() as u64 / 2;
    let skipped =
        from.map_or(0, |from| crate::voice::samples(from - rendered.started_at, rendered.file_rate));
    Some(Preview {
        started_at: rendered.started_at,
        sample_rate: rendered.file_rate,
        frames: frames + u64::try_from(skipped).unwrap_or(0),
        samples: rendered.tail,
    })
}
