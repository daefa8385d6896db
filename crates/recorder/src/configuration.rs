//! `sipreel config`: whether a configuration is in order, and what one may hold.

use std::io::{Write, stdout};

use crate::cli;
use crate::config::{Config, REFERENCE};
use crate::exit::Exit;

pub(crate) fn run(command: &cli::Config) -> anyhow::Result<Exit> {
    match command {
        cli::Config::Check { file } => {
            Config::read(Some(file))?.check()?;
            eprintln!("{}: in order", file.display());
        }
        cli::Config::Show => stdout().write_all(REFERENCE.as_bytes())?,
    }
    Ok(Exit::Done)
}
