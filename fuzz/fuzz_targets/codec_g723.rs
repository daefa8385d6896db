//! Any payloads of any length as G.723.1.
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[("G723", 8000, 1, "")];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
