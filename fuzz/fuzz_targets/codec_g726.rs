//! Any payloads of any length as G.726, at all rates and in both packings.
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[
    ("G726-16", 8000, 1, ""),
    ("G726-24", 8000, 1, ""),
    ("G726-32", 8000, 1, ""),
    ("G726-40", 8000, 1, ""),
    ("AAL2-G726-16", 8000, 1, ""),
    ("AAL2-G726-24", 8000, 1, ""),
    ("AAL2-G726-32", 8000, 1, ""),
    ("AAL2-G726-40", 8000, 1, ""),
];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
