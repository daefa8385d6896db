//! Any payloads of any length as Speex.
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[("SPEEX", 8000, 1, ""), ("SPEEX", 16_000, 1, "")];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
