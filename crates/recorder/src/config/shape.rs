//! What the audio is written as, by what the command line says, then the file, then what is usual.

use super::Config;
use crate::cli::{Format, Layout, Rate, Shape};

impl Config {
    /// What the command line says, with what the file says of the rest.
    pub(crate) fn shape(&self, told: Shape) -> Shape {
        let file = &self.file;
        Shape {
            format: told.format.or(file.format),
            layout: told.layout.or(file.layout),
            rate: told.rate.or(file.rate),
        }
    }
}

impl From<Shape> for seal::Shape {
    fn from(shape: Shape) -> Self {
        seal::Shape {
            format: match shape.format.unwrap_or(Format::Wav) {
                Format::Wav => seal::Format::Wav,
                Format::Flac => seal::Format::Flac,
                Format::Opus => seal::Format::Opus,
            },
            layout: match shape.layout.unwrap_or(Layout::Stereo) {
                Layout::Stereo => seal::Layout::Stereo,
                Layout::Mono => seal::Layout::Mono,
                Layout::Separate => seal::Layout::Separate,
            },
            rate: match shape.rate.unwrap_or(Rate::Native) {
                Rate::Native => seal::Rate::Native,
                Rate::Narrowband => seal::Rate::Hz(8000),
                Rate::Wideband => seal::Rate::Hz(16_000),
                Rate::Fullband => seal::Rate::Hz(48_000),
            },
        }
    }
}
