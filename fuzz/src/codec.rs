//! Any payloads of any length, one after the other, into the decoder of a codec: as many samples as the codec counts in
//! them, and no more than so many octets can hold. Of the foreign codecs, what is handed to their decoder is bounded; that
//! of AMR, which runs in the same process, gets it.

use audio::{Codec, Decoder, Foreign, Stream};
use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// What comes, and by which of a target's codecs.
#[derive(Arbitrary, Debug)]
pub struct Payloads<'a> {
    codec: u8,
    payloads: Vec<&'a [u8]>,
}

/// A codec as it is registered: encoding, clock rate, channels, parameters.
pub type Registered = (&'static str, u32, u8, &'static str);

/// Decodes all of it by one of `codecs`, of which there is at least one.
pub fn decode(input: &Payloads<'_>, codecs: &[Registered]) {
    let (encoding, clock_rate, channels, parameters) = codecs[usize::from(input.codec) % codecs.len()];
    let Some(codec) = Codec::registered(encoding, clock_rate, channels, parameters) else {
        panic!("{encoding} is known")
    };
    let mut decoder = Decoder::new(codec);
    let mut library = band(codec).and_then(opencore::Decoder::new);
    let (mut samples, mut frames) = (Vec::new(), Vec::new());
    for payload in &input.payloads {
        let count = codec.samples_in(payload);
        assert!(count <= MOST_SAMPLES_AN_OCTET * (payload.len() + 1), "{count} of {} octets", payload.len());
        samples.clear();
        decoder.decode(payload, &mut samples);
        assert_eq!(samples.len(), count);
        let _ = codec.fits(payload);
        if let Codec::Foreign(foreign) = codec {
            let mut stream = Stream::new(foreign, &mut Vec::new());
            frames.clear();
            stream.append(payload, &mut frames);
            let _ = foreign.silence(payload);
            assert!(frames.len() <= MOST_FRAME_OCTETS * (payload.len() + 1));
            if let Some(library) = &mut library {
                samples.clear();
                library.decode(&frames, &mut samples);
                assert_eq!(samples.len(), count, "each frame is decoded");
            }
        }
    }
}

fn band(codec: Codec) -> Option<opencore::Band> {
    match codec {
        Codec::Foreign(Foreign::Amr(_)) => Some(opencore::Band::Narrow),
        Codec::Foreign(Foreign::AmrWb(_)) => Some(opencore::Band::Wide),
        _ => None,
    }
}

/// A packet of Opus of one octet lasts 120 ms at the most.
const MOST_SAMPLES_AN_OCTET: usize = 5760;
/// A frame's table of contents and its last octet, in a container.
const MOST_FRAME_OCTETS: usize = 256;
