//! Any payloads of any length as AMR-WB, in both packings.
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[("AMR-WB", 16_000, 1, "octet-align=1"), ("AMR-WB", 16_000, 1, "")];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
