//! Any payloads of any length as L16.
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[("L16", 44_100, 2, ""), ("L16", 8000, 1, "")];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
