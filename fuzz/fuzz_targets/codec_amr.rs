//! Any payloads of any length as AMR, in both packings.
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[("AMR", 8000, 1, "octet-align=1"), ("AMR", 8000, 1, "")];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
