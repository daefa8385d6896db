//! The command line: a contract, written with the letters that hands know from tcpdump and tshark.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;
use store::CallId;

use crate::config::{self, Problem};

mod calls;
mod keeping;
mod words;

pub(crate) use calls::{AudioAs, Calls, Export, Filters, List, Listen, Masked, One};
pub(crate) use keeping::{
    Audit, AuditList, AuditVerify, Delete, Hold, HoldAdd, HoldList, HoldRelease, Keys, NoteCall, Reconcile,
    Retention, RetentionApply, RetentionRun, RetentionSet, TagCall, Verify,
};
use words::journal_interval;
pub(crate) use words::{duration, header_name, now, time};

/// Records the calls of a network: one stereo WAV and one record a call.
#[derive(Parser, Debug)]
#[command(name = "sipreel", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Record every call in capture files, and exit
    Replay(Box<Replay>),
    /// Record every call on interfaces, or that capture agents send by HEP, until SIGINT or SIGTERM
    Record(Box<Record>),
    /// List, show and export recorded calls
    #[command(subcommand)]
    Calls(Calls),
    /// Make one call's recording anew from its kept packets, as when a decoder was missing
    Render(Render),
    /// Build the index anew from the recordings
    Reindex(InStore),
    /// Tell what was seen, what became of it, and who lost what: by the recorder at work, or by the index
    Status(Status),
    /// Watch the recorder at work: calls in progress, rates, losses and the last outcomes, once a second
    Top(Top),
    /// Delete what the classes of the configuration no longer keep, or change how long calls are kept
    #[command(subcommand)]
    Retention(Retention),
    /// Keep calls from being deleted, whatever a rule says
    #[command(subcommand)]
    Hold(Hold),
    /// Hold every file against what was signed of it, and tell what differs from which second on
    Verify(Verify),
    /// Show the keys that sign
    #[command(subcommand)]
    Keys(Keys),
    /// Show and check the log of who did what with which call
    #[command(subcommand)]
    Audit(Audit),
    /// Serve metrics and health over HTTP, and the index to other commands
    Serve(Serve),
    /// Check a configuration, or show every key that one may have
    #[command(subcommand)]
    Config(Config),
    /// Look at a mirror port or at captures for a while, and say what recordings will suffer from
    Doctor(Doctor),
    /// Have a made-up call recorded in the store, read it back and compare every sample
    Selftest(Selftest),
    /// Print the words that a shell completes commands by
    Completions(Completions),
    /// Print a manual page, or write all of them
    Man(Manual),
}

/// The store that a command works in.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct InStore {
    /// The folder of the recordings [default: the configuration's, or ./sipreel-store]
    #[arg(long, value_name = "DIR", env = "SIPREEL_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// The configuration, a TOML file; `sipreel config show` tells its keys
    #[arg(long, value_name = "FILE", env = "SIPREEL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Why something is done.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct Why {
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// Where recordings are without anybody's word on it.
pub(crate) const DEFAULT_STORE: &str = "./sipreel-store";

impl InStore {
    /// The store's folder.
    pub(crate) fn dir(&self) -> Result<PathBuf, Problem> {
        match &self.store {
            Some(store) => Ok(store.clone()),
            None => Ok(self.dir_with(&self.config()?)),
        }
    }

    /// The same, where the configuration is at hand.
    pub(crate) fn dir_with(&self, config: &config::Config) -> PathBuf {
        self.store.clone().or_else(|| config.store()).unwrap_or_else(|| DEFAULT_STORE.into())
    }

    /// The configuration that is named, if one is.
    pub(crate) fn config(&self) -> Result<config::Config, Problem> {
        config::Config::read(self.config.as_deref())
    }
}

#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// Captures: pcap or pcapng, plain or packed by gzip, zstd or lz4; globs; '-' is standard input
    #[arg(value_name = "FILE", required_unless_present = "read")]
    pub(crate) files: Vec<String>,
    /// The same as FILE
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub(crate) read: Vec<String>,
    /// Read only the packets that fit FILTER, in tcpdump's words; rests of fragmented packets and tagged frames are not
    /// lost by it
    #[arg(short = 'f', long = "filter", value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// How calls are recorded, wherever they come from.
#[derive(Args, Default, Debug)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// Whether dialled digits are shown; masked, they are `*` in records, silent in the audio of both parties and blanked
    /// in kept packets. What is written in SIP MESSAGEs stays as it is [default: mask]
    #[arg(long, value_enum)]
    pub(crate) digits: Option<Digits>,
    /// Which packets are kept beside the audio [default: signalling]
    #[arg(long, value_enum)]
    pub(crate) keep: Option<Keep>,
    /// Compress the kept packets by zstd
    #[arg(long)]
    pub(crate) compress_packets: bool,
    #[command(flatten)]
    pub(crate) shape: Shape,
    /// Leave the keys of encrypted media in the signalling that is kept; without it they are blanked
    #[arg(long)]
    pub(crate) with_keys: bool,
    /// What becomes of media that no call claims: recorded, it becomes calls without signalling [default: drop]
    #[arg(long, value_enum)]
    pub(crate) orphans: Option<Orphans>,
    /// Read SIP over TLS, and media whose keys come of DTLS, by the secrets in FILE, a key log as SSLKEYLOGFILE makes them
    /// (NSS); repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_keylog: Vec<PathBuf>,
    /// A header whose value calls of one conversation share, or which holds the other's Call-ID; may be given again
    #[arg(long, value_name = "NAME", value_parser = header_name)]
    pub(crate) link_header: Vec<String>,
    /// Threads in all; the recordings do not depend on it [default: one a processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Write the metrics to FILE at the end, in the text format of Prometheus
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Name each call as it is recorded
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Record {
    /// An interface, `any` for all of them, or `-` for a capture that grows on standard input; may be given several times
    #[arg(short = 'i', long = "interface", value_name = "IFACE")]
    pub(crate) interfaces: Vec<String>,
    /// An address at which capture agents may send HEP version 3, by UDP and TCP; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) hep: Vec<SocketAddr>,
    /// Serve metrics and health over HTTP at that address
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Capture only what fits this filter, in the language of tcpdump
    #[arg(short = 'f', long, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    /// What the kernel may hold for each interface, in MiB [default: 64]
    #[arg(short = 'B', long = "buffer", value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=2047))]
    pub(crate) buffer_mib: Option<u32>,
    /// How much of each frame is captured, in bytes [default: all]
    #[arg(short = 's', long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub(crate) snaplen: Option<u32>,
    /// Do not ask the interfaces for frames to others
    #[arg(short = 'p', long)]
    pub(crate) no_promiscuous: bool,
    /// Whose clock stamps the frames of interfaces; where a card cannot, the kernel does [default: host]
    #[arg(short = 'j', long, value_enum)]
    pub(crate) time_stamp_type: Option<TimeStamps>,
    /// Become USER once the interfaces are open, and keep no rights but those to capture; takes root
    #[arg(short = 'Z', long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Test the whole way from a frame to the audio on the disk by a made-up call that often, such as 5m; 0 for never
    /// [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) selftest_interval: Option<f64>,
    /// How far what is on the disk of an open call may be behind, 0.5s to 60s: what a crash costs [default: 2s]
    #[arg(long, value_name = "DURATION", value_parser = journal_interval)]
    pub(crate) journal_interval: Option<f64>,
    /// How long the calls that are open may take to be written at the end; others are finished by the next start
    /// [default: 20s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) stop_timeout: Option<f64>,
    /// List the interfaces, and exit
    #[arg(short = 'D', long)]
    pub(crate) list_interfaces: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Config {
    /// Tell whether a configuration is in order
    Check {
        /// The file
        #[arg(value_name = "FILE", env = "SIPREEL_CONFIG")]
        file: PathBuf,
    },
    /// Print every key, what it means, and its default: a file to begin with
    Show,
}

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Captures to look at, as for `replay`
    #[arg(value_name = "FILE", required_unless_present = "interfaces", conflicts_with = "interfaces")]
    pub(crate) files: Vec<String>,
    /// An interface to look at, or `any` for all of them; may be given several times
    #[arg(short = 'i', long = "interface", value_name = "IFACE")]
    pub(crate) interfaces: Vec<String>,
    /// How long to look at interfaces
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, default_value = "60s")]
    pub(crate) time: f64,
    /// Look only at the packets that fit FILTER, in tcpdump's words
    #[arg(short = 'f', long, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    /// Read SIP over TLS by the secrets in FILE; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_keylog: Vec<PathBuf>,
    /// The findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: InStore,
}

impl Doctor {
    /// The filter, if one was given.
    pub(crate) fn filter(&self) -> Result<Option<capture::Filter>, capture::FilterError> {
        self.filter.as_deref().map(capture::Filter::new).transpose()
    }
}

#[derive(Args, Debug)]
pub(crate) struct Selftest {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// The result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Manual {
    /// The command whose page is printed, such as `calls list` [default: the program's own]
    #[arg(value_name = "COMMAND")]
    pub(crate) page: Vec<String>,
    /// Write the pages of all commands into DIR instead, as sipreel.1, sipreel-replay.1 and so on
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(ValueEnum, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Digits {
    /// Show them
    Keep,
    /// Blank them
    Mask,
}

#[derive(ValueEnum, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum TimeStamps {
    /// The kernel's
    Host,
    /// The card's, which follows the system's
    Adapter,
    /// The card's own, whatever it shows
    AdapterUnsynced,
}

impl From<TimeStamps> for capture::live::TimeStamps {
    fn from(stamps: TimeStamps) -> Self {
        match stamps {
            TimeStamps::Host => capture::live::TimeStamps::Host,
            TimeStamps::Adapter => capture::live::TimeStamps::Adapter,
            TimeStamps::AdapterUnsynced => capture::live::TimeStamps::AdapterUnsynced,
        }
    }
}

#[derive(ValueEnum, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Orphans {
    /// Count it
    Drop,
    /// Record it
    Record,
}

impl From<Orphans> for call::Orphans {
    fn from(orphans: Orphans) -> Self {
        match orphans {
            Orphans::Drop => call::Orphans::Drop,
            Orphans::Record => call::Orphans::Record,
        }
    }
}

#[derive(ValueEnum, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Keep {
    /// No packets
    None,
    /// The signalling, which `calls show` draws
    Signalling,
    /// Signalling and media
    All,
}

/// What the audio is written as.
#[derive(Args, Clone, Copy, Default, Debug)]
pub(crate) struct Shape {
    /// What the audio is written as [default: wav]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Where each party is heard [default: stereo]
    #[arg(long, value_enum)]
    pub(crate) layout: Option<Layout>,
    /// Samples a second; native is the highest rate of what was sent [default: native]
    #[arg(long, value_enum)]
    pub(crate) rate: Option<Rate>,
}

#[derive(ValueEnum, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// PCM of 16 bit, as every player knows it
    Wav,
    /// The same samples, packed without loss
    Flac,
    /// Ogg Opus: small, and no sample as it was
    Opus,
}

#[derive(ValueEnum, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layout {
    /// The caller left, the callee right
    Stereo,
    /// Both at once
    Mono,
    /// Each in a file of its own
    Separate,
}

#[derive(ValueEnum, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rate {
    /// As the highest of what was sent
    Native,
    #[value(name = "8000")]
    #[serde(rename = "8000")]
    Narrowband,
    #[value(name = "16000")]
    #[serde(rename = "16000")]
    Wideband,
    #[value(name = "48000")]
    #[serde(rename = "48000")]
    Fullband,
}

#[derive(Args, Debug)]
pub(crate) struct Render {
    /// The id of the call
    pub(crate) id: CallId,
    #[command(flatten)]
    pub(crate) store: InStore,
    #[command(flatten)]
    pub(crate) shape: Shape,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Args, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// As one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// One JSON object a line, once a second; so it is also where standard output is no terminal
    #[arg(long)]
    pub(crate) json: bool,
    /// One line of JSON after a second, and no more
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// Where to listen [default: the configuration's, or 127.0.0.1:9464]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }
}
