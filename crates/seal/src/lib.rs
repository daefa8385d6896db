//! A call that is over to its recording: each leg's streams are set on one timeline, decoded, mixed into stereo and
//! written; beside the audio go the packets that are to be kept and the record.
//!
//! It runs once a call, behind the way of a packet, on as many threads as there are: nothing here depends on which.

mod blank;
mod checks;
mod clock_check;
mod cues;
mod digits;
mod drift;
mod evidence;
mod fit;
mod foreign;
mod hold;
pub mod journal;
mod leg;
mod listening;
mod mask;
mod meaning;
mod outcome;
mod output;
mod owners;
mod packets;
mod part;
mod preview;
mod provenance;
mod quality;
mod rebuilt;
mod record;
mod redundancy;
mod render;
mod reported;
mod score;
mod secure;
mod series;
mod shape;
mod signalling;
mod silence;
mod sorter;
mod source;
mod ticks;
mod voice;

use std::path::Path;

use call::{Both, Call, Side};
use clock::Span;
use ffmpeg::Ffmpeg;
use rtp::Medium;
use rtp::srtp::Counts;
use store::{CallId, Durability, Outcome, Record, Recording, Store};

pub use crate::checks::Checks;
use crate::foreign::Foreigners;
use crate::leg::Leg;
pub use crate::outcome::DISK_FULL;
use crate::packets::Keeping;
pub use crate::preview::{Preview, preview};
use crate::render::{Destination, Rendered};
pub use crate::shape::{Format, Layout, Rate, Shape};
pub use crate::silence::Silence;

/// What is kept and shown.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Which packets are kept beside the audio.
    pub keep: Keep,
    /// Whether dialled digits are shown; where not, they are `*` in the record, silent in the audio and blanked in what is
    /// kept.
    pub show_digits: bool,
    /// Whether keys in session descriptions stay in what is kept of the signalling.
    pub with_keys: bool,
    /// Whether kept packets are compressed.
    pub compress_packets: bool,
    /// What the audio is written as.
    pub shape: Shape,
    /// How much silence is kept.
    pub silence: Silence,
    /// What in the audio is worth a word.
    pub checks: Checks,
    /// Whether a recording must survive a loss of power before it counts as made.
    pub durability: Durability,
}

/// Which packets are kept beside the audio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// None.
    None,
    /// The signalling.
    Signalling,
    /// The signalling and the media.
    All,
}

/// A sealed call.
#[derive(Debug)]
pub struct Sealed {
    /// The call's number, in the order of the calls' ends.
    pub number: u64,
    /// Its record.
    pub record: Record,
    /// Each leg's share of lost packets and mean jitter in seconds; `None` where nothing was sent.
    pub quality: Both<Option<Quality>>,
    /// Samples of both channels by origin.
    pub origins: Vec<(audio::Origin, u64)>,
    /// Encrypted packets of streams whose key is known.
    pub srtp: Counts,
    /// What went wrong in writing; the record tells it as its outcome, and may stand nowhere but here.
    pub error: Option<store::Error>,
}

/// What the network did to a leg.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quality {
    /// Lost of expected packets, 0 to 1.
    pub loss_ratio: f64,
    /// The mean interarrival jitter in seconds.
    pub jitter_s: f64,
}

/// Makes the recording of `call` in `store`. A failure to write is part of what is given back: every call has an
/// outcome.
#[must_use]
pub fn seal(call: &Call, medium: &dyn Medium, store: &Store, settings: &Settings) -> Sealed {
    let id = id(call);
    let clear = secure::open(call, medium);
    let foreigners = Foreigners { ffmpeg: Ffmpeg::find(), folder: store.dir() };
    let leg = |side: Side| Leg::new(call, side, medium, clear.of(side), &foreigners);
    let legs = Both { caller: leg(Side::Caller), callee: leg(Side::Callee) };
    let mut record = record::describe(call, &legs, id.clone());
    signalling::describe(&mut record, call, medium);
    let written = write(call, &legs, medium, (store, &id), settings, &mut record);
    let (origins, error) = match written {
        // What is not signed is there all the same.
        Ok((origins, unsigned)) => (origins, unsigned),
        Err(error) => {
            record.outcome = Outcome::StorageError;
            record.recording = None;
            (Vec::new(), Some(error))
        }
    };
    let quality = Both { caller: legs.caller.quality(), callee: legs.callee.quality() };
    let srtp = [&clear.caller, &clear.callee].into_iter().flatten().flatten().fold(
        Counts::default(),
        |sum, clear| Counts {
            opened: sum.opened + clear.counts().opened,
            refused: sum.refused + clear.counts().refused,
        },
    );
    Sealed { number: call.number, record, quality, origins, srtp, error }
}

/// What would be recorded of `call`: its record without the recording, and how many octets of samples that would hold.
/// Nothing is written; what other programs decode waits in `folder` meanwhile.
#[must_use]
pub fn examine(call: &Call, medium: &dyn Medium, folder: &Path, settings: &Settings) -> (Record, u64) {
    let clear = secure::open(call, medium);
    let foreigners = Foreigners { ffmpeg: Ffmpeg::find(), folder };
    let leg = |side: Side| Leg::new(call, side, medium, clear.of(side), &foreigners);
    let legs = Both { caller: leg(Side::Caller), callee: leg(Side::Callee) };
    let mut record = record::describe(call, &legs, id(call));
    let pressed = digits::pressed(call, &legs);
    for (leg, side) in record.legs.iter_mut().zip(Side::BOTH) {
        leg.dtmf = digits::listed(&pressed, None, side, settings);
    }
    let both = || Side::BOTH.iter().map(|&side| legs.of(side));
    let begin = both().filter_map(Leg::starts_at).min();
    let heard = both().flat_map(Leg::heard).filter(|voice| voice.sounds());
    let end = heard.map(|voice| voice.matched.stream.last_at).max();
    let span = begin.zip(end).map_or(Span::ZERO, |(begin, end)| (end - begin).max(Span::ZERO));
    let rate = both().filter_map(Leg::sample_rate).max().unwrap_or(0);
    let samples = span.as_secs_f64() * f64::from(rate);
    (record, samples as u64 * FRAME_OCTETS)
}

/// Two parties' samples of 16 bit.
const FRAME_OCTETS: u64 = 4;

/// The id that the recording of `call` has.
#[must_use]
pub fn id(call: &Call) -> CallId {
    let tag = call.dialog.caller.tag.as_deref().unwrap_or("");
    Store::id(call.dialog.invited_at, &call.dialog.call_id, tag)
}

/// What is left to say of a call whose sealing met a fault of this program: that it was there.
#[must_use]
pub fn give_up(call: &Call) -> Sealed {
    let id = id(call);
    let mut record =
        Record::new(id, call.dialog.call_id.clone(), record::state(call.state()), Outcome::InternalError);
    record.ended_at = Some(call.ended_at);
    record.end_reason = Some(record::end_reason(call.end));
    let (quality, origins, srtp) = (Both::default(), Vec::new(), Counts::default());
    Sealed { number: call.number, record, quality, origins, srtp, error: None }
}

/// Samples of both channels by origin.
type Origins = Vec<(audio::Origin, u64)>;

/// Writes audio, packets and record, and publishes them together; also says why they are not signed, where they are not.
fn write(
    call: &Call,
    legs: &Both<Leg<'_>>,
    medium: &dyn Medium,
    (store, id): (&Store, &CallId),
    settings: &Settings,
    record: &mut Record,
) -> Result<(Origins, Option<store::Error>), store::Error> {
    let pressed = digits::pressed(call, legs);
    let mut list_digits = |rendered: Option<&Rendered>| {
        for (leg, side) in record.legs.iter_mut().zip(Side::BOTH) {
            leg.dtmf = digits::listed(&pressed, rendered, side, settings);
        }
    };
    list_digits(None);
    let recording = Recording::begin(store, id, settings.durability)?;
    let rendered = render::render(call, legs, &pressed, settings, Destination::Recording(&recording))?;
    list_digits(rendered.as_ref());
    let mut origins = Vec::new();
    if let Some(rendered) = &rendered {
        origins = rendered.origins();
        record::add_recording(record, rendered);
        quality::describe(record, call, legs, rendered, &settings.checks);
        quality::write_series(record, legs, rendered, &recording)?;
    }
    if settings.keep != Keep::None {
        let path =
            recording.path(if settings.compress_packets { Store::PACKED_PACKETS } else { Store::PACKETS });
        // Also where nobody could decode them, so that somebody can later.
        let with_media = settings.keep == Keep::All || outcome::is_undecoded(legs);
        let masked = rendered.as_ref().map(Rendered::masked).unwrap_or_default();
        let keeping = Keeping { call, legs, medium, settings, with_media, masked: &masked };
        packets::write(&keeping, &path).map_err(store::Error::io("write", &path))?;
    }
    let unsigned = store.publish(recording, record)?;
    Ok((origins, unsigned))
}
