//! Any payloads of any length as comfort noise (RFC 3389).
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[("CN", 8000, 1, "")];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
