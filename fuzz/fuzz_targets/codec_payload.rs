//! Any payloads of any length, one after the other, into the decoder of any codec: as many samples as the codec counts in
//! them, and no more than so many octets can hold. Of the foreign codecs, what is handed to their decoder is bounded.
#![no_main]

use audio::{Codec, Decoder, Stream};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    codec: u8,
    payloads: Vec<&'a [u8]>,
}

const CODECS: [(&str, u32, u8, &str); 22] = [
    ("PCMU", 8000, 1, ""),
    ("PCMA", 8000, 1, ""),
    ("G722", 8000, 1, ""),
    ("GSM", 8000, 1, ""),
    ("G726-16", 8000, 1, ""),
    ("G726-24", 8000, 1, ""),
    ("G726-32", 8000, 1, ""),
    ("G726-40", 8000, 1, ""),
    ("AAL2-G726-32", 8000, 1, ""),
    ("L16", 44_100, 2, ""),
    ("L16", 8000, 1, ""),
    ("OPUS", 48_000, 2, ""),
    ("CN", 8000, 1, ""),
    ("G729", 8000, 1, ""),
    ("G723", 8000, 1, ""),
    ("ILBC", 8000, 1, "mode=20"),
    ("ILBC", 8000, 1, ""),
    ("AMR", 8000, 1, "octet-align=1"),
    ("AMR", 8000, 1, ""),
    ("AMR-WB", 16_000, 1, "octet-align=1"),
    ("AMR-WB", 16_000, 1, ""),
    ("SPEEX", 16_000, 1, ""),
];

fuzz_target!(|input: Input<'_>| {
    let (encoding, clock_rate, channels, parameters) = CODECS[usize::from(input.codec) % CODECS.len()];
    let Some(codec) = Codec::registered(encoding, clock_rate, channels, parameters) else {
        panic!("{encoding} is known")
    };
    let mut decoder = Decoder::new(codec);
    let (mut samples, mut frames) = (Vec::new(), Vec::new());
    for payload in input.payloads {
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
        }
    }
});

/// A packet of Opus of one octet lasts 120 ms at the most.
const MOST_SAMPLES_AN_OCTET: usize = 5760;
/// A frame's table of contents and its last octet, in a container.
const MOST_FRAME_OCTETS: usize = 256;
