//! Any payloads of any length as GSM full rate.
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[("GSM", 8000, 1, "")];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
