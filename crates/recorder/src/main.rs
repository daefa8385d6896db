//! The binary `sipreel`: arguments, threads and wiring.
//!
//! Everything that knows a protocol, a file format or a clock lives in a crate below; here values are moved between
//! them, errors are told once, and the exit code is chosen.

#[cfg(test)]
mod bounds;
mod calls;
mod chain;
mod cli;
mod conversation;
mod exit;
mod intake;
mod ledger;
mod metrics;
mod progress;
mod reindex;
mod replay;
mod sealers;
mod serve;
mod signals;
mod summary;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Replay(arguments) => replay::run(arguments),
        Command::Calls(command) => calls::run(command),
        Command::Reindex(arguments) => reindex::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
    };
    let exit = done.unwrap_or_else(|error| {
        let exit = Exit::of(&error);
        if !exit::is_broken_pipe(&error) {
            eprintln!("sipreel: {}", exit::told(&error));
        }
        exit
    });
    exit.into()
}
