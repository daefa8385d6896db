//! Any payloads of any length as Opus.
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[("OPUS", 48_000, 2, "")];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
