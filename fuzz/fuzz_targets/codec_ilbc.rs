//! Any payloads of any length as iLBC, in both lengths of frames.
#![no_main]

use fuzz::codec::{Payloads, Registered, decode};
use libfuzzer_sys::fuzz_target;

const CODECS: &[Registered] = &[("ILBC", 8000, 1, "mode=20"), ("ILBC", 8000, 1, "")];

fuzz_target!(|input: Payloads<'_>| decode(&input, CODECS));
