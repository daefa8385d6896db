//! The binary `sipreel`: arguments, threads and wiring.
//!
//! Everything that knows a protocol, a file format or a clock lives in a crate below; here values are moved between
//! them, errors are told once, and the exit code is chosen.

mod actor;
mod attach;
mod audit;
#[cfg(test)]
mod bounds;
mod calls;
mod capture_clock;
mod chain;
mod cli;
mod config;
mod configuration;
mod confinement;
mod connections;
mod conversation;
mod doctor;
mod exit;
mod export;
mod hold;
mod intake;
mod journal;
mod ledger;
mod listen;
mod log;
mod manual;
mod metrics;
mod precautions;
mod privileges;
mod progress;
mod reconcile;
mod record;
mod recovery;
mod reindex;
mod render;
mod replay;
mod retention;
mod run;
mod sealers;
mod selftest;
mod serve;
mod service;
mod signalling;
mod signals;
mod sources;
mod status;
mod summary;
mod super_frames;
mod sweep;
mod table;
mod top;
mod upkeep;
mod verify;
mod watermarks;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    privileges::write_for_owner_and_group();
    let done = match &cli.command {
        Command::Replay(arguments) => replay::run(arguments),
        Command::Record(arguments) => record::run(arguments),
        Command::Calls(command) => calls::run(command),
        Command::Render(arguments) => render::run(arguments),
        Command::Reindex(arguments) => reindex::run(arguments),
        Command::Status(arguments) => status::run(arguments),
        Command::Top(arguments) => top::run(arguments),
        Command::Retention(command) => retention::run(command),
        Command::Hold(command) => hold::run(command),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Keys(command) => verify::keys(command),
        Command::Audit(command) => audit::run(command),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Config(command) => configuration::run(command),
        Command::Doctor(arguments) => doctor::run(arguments),
        Command::Selftest(arguments) => selftest::run(arguments),
        Command::Completions(arguments) => manual::complete(arguments),
        Command::Man(arguments) => manual::run(arguments),
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
