//! AMR and AMR-WB (3GPP TS 26.071, TS 26.171) decoded by libopencore-amr, whose decoders give the samples of the standards'
//! own to the bit. It is loaded when it is first asked for: where the system has none, nothing is missed but its speed and
//! its exactness. What carries the frames is not known here.
//!
//! ```no_run
//! let mut samples = Vec::new();
//! if let Some(mut decoder) = opencore::Decoder::new(opencore::Band::Narrow) {
//!     decoder.decode(&[0x3c; 32], &mut samples);
//! }
//! ```

mod library;

use std::ffi::{c_int, c_void};
use std::fmt;
use std::ptr::NonNull;

use library::Library;

/// Which of the two codecs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Band {
    /// AMR: 160 samples a frame, 8000 a second.
    Narrow,
    /// AMR-WB: 320 samples a frame, 16000 a second.
    Wide,
}

impl Band {
    /// Samples of a frame of 20 ms.
    #[must_use]
    pub const fn samples(self) -> usize {
        match self {
            Band::Narrow => 160,
            Band::Wide => 320,
        }
    }

    /// Octets of a frame's speech by its type (RFC 4867, section 5.3): as many as its bits fill.
    fn speech_len(self, toc: u8) -> usize {
        const NARROW: [usize; 9] = [12, 13, 15, 17, 19, 20, 26, 31, 5];
        const WIDE: [usize; 10] = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5];
        let kind = usize::from(toc >> 3 & 15);
        let known = match self {
            Band::Narrow => NARROW.get(kind),
            Band::Wide => WIDE.get(kind),
        };
        known.copied().unwrap_or(0)
    }
}

/// A decoder, which remembers what came before.
pub struct Decoder {
    band: Band,
    library: &'static Library,
    state: NonNull<c_void>,
}

// Its state is in memory of its own, which nobody else points to, and neither library has state beside that.
#[allow(unsafe_code, reason = "a pointer keeps a type from being sent, whatever it points to")]
unsafe impl Send for Decoder {}

impl Decoder {
    /// A decoder at its beginning; `None` where the system has no such library, or no memory.
    #[must_use]
    pub fn new(band: Band) -> Option<Decoder> {
        let library = Library::of(band)?;
        // The library's own words: it takes nothing and gives a state, or nothing.
        #[allow(unsafe_code, reason = "a function of C")]
        let state = NonNull::new(unsafe { (library.init)() })?;
        Some(Decoder { band, library, state })
    }

    /// Decodes frames of the storage format (RFC 4867, section 5.3), one behind the other without the file's magic number,
    /// and appends a frame's samples for each. A last frame that is cut is none.
    pub fn decode(&mut self, frames: &[u8], samples: &mut Vec<i16>) {
        let mut rest = frames;
        while let Some(&toc) = rest.first() {
            let Some((frame, next)) = rest.split_at_checked(1 + self.band.speech_len(toc)) else { return };
            self.decode_one(frame, samples);
            rest = next;
        }
    }

    fn decode_one(&mut self, frame: &[u8], samples: &mut Vec<i16>) {
        // More than the longest frame that the library reads, whatever its first octet says.
        let mut octets = [0u8; 64];
        octets.iter_mut().zip(frame).for_each(|(octet, &sent)| *octet = sent);
        let at = samples.len();
        samples.resize(at + self.band.samples(), 0);
        let Some(room) = samples.get_mut(at..) else { return };
        // The state is this decoder's; it reads no more than a frame of its table, at most 61 octets, and writes the samples
        // of one frame.
        #[allow(unsafe_code, reason = "a function of C")]
        unsafe {
            (self.library.decode)(self.state.as_ptr(), octets.as_ptr(), room.as_mut_ptr(), GOOD);
        }
    }
}

/// The frame is as it was sent.
const GOOD: c_int = 0;

impl Drop for Decoder {
    fn drop(&mut self) {
        // Made by the same library, and gone with this.
        #[allow(unsafe_code, reason = "a function of C")]
        unsafe {
            (self.library.exit)(self.state.as_ptr());
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("band", &self.band).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Where the library is missing that is said, and the test is over.
    fn decoder(band: Band) -> Option<Decoder> {
        let decoder = Decoder::new(band);
        if decoder.is_none() {
            println!("skipped: libopencore-amr is not installed");
        }
        decoder
    }

    #[test]
    fn a_frame_gives_its_samples_and_a_cut_one_none() {
        for (band, toc, len) in [(Band::Narrow, 0x3c, 32), (Band::Wide, 0x14, 33)] {
            let Some(mut decoder) = decoder(band) else { return };
            let mut frames = vec![0; 2 * len];
            (frames[0], frames[len]) = (toc, toc);
            let mut samples = vec![7];
            decoder.decode(&frames, &mut samples);
            assert_eq!((samples[0], samples.len()), (7, 1 + 2 * band.samples()));
            decoder.decode(&frames[..len - 1], &mut samples);
            assert_eq!(samples.len(), 1 + 2 * band.samples());
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_gives_whole_frames(frames: Vec<u8>, is_wide: bool) {
            let band = if is_wide { Band::Wide } else { Band::Narrow };
            let Some(mut decoder) = decoder(band) else { return Ok(()) };
            let mut samples = Vec::new();
            decoder.decode(&frames, &mut samples);
            prop_assert!(samples.len().is_multiple_of(band.samples()));
            prop_assert!(samples.len() <= frames.len() * band.samples());
        }
    }
}
