//! The binary `sipreel`: arguments, threads and wiring.

fn main() {}
