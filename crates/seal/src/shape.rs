//! What a recording's audio is written as: the file's format, how the two parties share files and channels, the rate.

/// All three.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Shape {
    /// The files' format.
    pub format: Format,
    /// Where each party is.
    pub layout: Layout,
    /// Frames a second.
    pub rate: Rate,
}

/// What the files are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Format {
    /// PCM of 16 bit.
    #[default]
    Wav,
    /// The same samples, packed without loss.
    Flac,
    /// Ogg Opus: small, and no sample as it was.
    Opus,
}

/// Where each party is heard.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Layout {
    /// The caller left, the callee right.
    #[default]
    Stereo,
    /// Both at once.
    Mono,
    /// Each in a file of its own.
    Separate,
}

/// How many frames a second has.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Rate {
    /// As the highest of what was sent.
    #[default]
    Native,
    /// So many.
    Hz(u32),
}

impl Shape {
    /// The rate of the files where the highest among what was sent is `native`.
    pub(crate) fn rate_for(self, native: u32) -> u32 {
        let wanted = match self.rate {
            Rate::Native => native,
            Rate::Hz(hz) => hz.max(LOWEST_HZ),
        };
        // Opus has no others.
        let is_opus = self.format == Format::Opus;
        if is_opus && !audio::Encoder::RATES.contains(&wanted) { HIGHEST_OPUS_HZ } else { wanted }
    }

    /// The files' names.
    pub(crate) fn names(self) -> Vec<String> {
        let stems: &[&str] =
            if self.layout == Layout::Separate { &["call-caller", "call-callee"] } else { &["call"] };
        stems.iter().map(|stem| format!("{stem}.{}", self.format.name())).collect()
    }

    /// The channels of each file.
    pub(crate) const fn channels(self) -> u16 {
        match self.layout {
            Layout::Stereo => 2,
            Layout::Mono | Layout::Separate => 1,
        }
    }
}

const LOWEST_HZ: u32 = 8000;
const HIGHEST_OPUS_HZ: u32 = 48_000;

impl Format {
    /// The name in a record and at the end of a file's.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Format::Wav => "wav",
            Format::Flac => "flac",
            Format::Opus => "opus",
        }
    }

    /// What a record says of the samples.
    pub(crate) const fn encoding(self) -> &'static str {
        match self {
            Format::Wav => "pcm_s16le",
            Format::Flac => "flac",
            Format::Opus => "opus",
        }
    }
}
