//! The configuration: one TOML file, read as it stands and then turned into checked parts once, before any packet is
//! read. What the command line says goes before it.

mod check;
mod checks;
mod file;
mod limits;
mod live;
mod patience;
mod problem;
mod retention;
mod safety;
mod settings;
mod shape;
mod value;

use std::fs;
use std::path::{Path, PathBuf};

use check::Check;
use file::File;

pub(crate) use problem::Problem;
pub(crate) use retention::Pace;
pub(crate) use safety::Live;
pub(crate) use settings::Settings;

/// Every key with what it means and its default.
pub(crate) const REFERENCE: &str = include_str!("reference.toml");

/// A configuration as it was read. Without a file, every key has its default.
#[derive(Default)]
pub(crate) struct Config {
    path: PathBuf,
    text: String,
    file: File,
}

impl Config {
    /// Reads the file of that name, if one is named.
    pub(crate) fn read(path: Option<&Path>) -> Result<Config, Problem> {
        let Some(path) = path else { return Ok(Config::default()) };
        let text = fs::read_to_string(path).map_err(|source| Problem::unreadable(path, &source))?;
        Config::parse(path, text)
    }

    fn parse(path: &Path, text: String) -> Result<Config, Problem> {
        let file = toml::from_str(&text).map_err(|error| Problem::of_toml(path, &text, &error))?;
        Ok(Config { path: path.to_owned(), text, file })
    }

    /// The store, where it is set.
    pub(crate) fn store(&self) -> Option<PathBuf> {
        self.file.store.clone()
    }

    /// The file, and the hash of its text; nothing where there is none.
    pub(crate) fn fingerprint(&self) -> Option<(&Path, String)> {
        let hash = || blake3::hash(self.text.as_bytes()).to_hex().to_string();
        (!self.path.as_os_str().is_empty()).then(|| (self.path.as_path(), hash()))
    }

    /// Checks every key, whichever command may need it.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        self.file_settings()?;
        self.checks()?;
        self.call_config()?;
        self.wire_limits()?;
        self.live()?;
        self.safety()?;
        self.retention()?;
        self.pace()?;
        self.listen_of_record()?;
        self.selftest_interval()?;
        self.listen_of_serve().map(drop)
    }

    fn checker(&self) -> Check<'_> {
        Check { path: &self.path, text: &self.text }
    }
}

#[cfg(test)]
mod tests;
