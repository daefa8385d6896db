//! What the tests of the binary share: running it, reading what it left behind, and readers of captures, RTP and WAV
//! that have no line in common with the program's own, so that both cannot be wrong together.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) mod capture;
pub(crate) mod hep;
pub(crate) mod live;
pub(crate) mod mutation;
pub(crate) mod sent;
pub(crate) mod traffic;

/// The repository's own captures.
pub(crate) fn fixtures() -> PathBuf {
    repository().join("fixtures")
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository is there")
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    fixtures().join(name)
}

/// Every capture of `fixtures/`, in the order of the names.
pub(crate) fn all_fixtures() -> Vec<PathBuf> {
    let expected = expected();
    expected.as_object().expect("an object").keys().map(|name| fixture(name)).collect()
}

/// The arguments that name the key logs of all fixtures.
pub(crate) fn key_logs() -> Vec<String> {
    let keys =
        all_fixtures().into_iter().map(|file| file.with_extension("keys")).filter(|keys| keys.exists());
    keys.flat_map(|keys| ["--tls-keylog".to_owned(), keys.to_str().expect("a plain name").to_owned()])
        .collect()
}

/// What tshark and the phones say of the fixtures.
pub(crate) fn expected() -> Value {
    let text = fs::read_to_string(fixture("EXPECTED.json")).expect("EXPECTED.json is there");
    serde_json::from_str(&text).expect("EXPECTED.json is JSON")
}

/// The captures of others, beside the repository; `None` where they are missing, which is said.
pub(crate) fn captures() -> Option<PathBuf> {
    let folder = repository().join("../shared/captures");
    if folder.join("MANIFEST.tsv").exists() {
        return Some(folder);
    }
    println!("skipped: no captures at {}", folder.display());
    None
}

/// How a run of the program ended and what it said.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code; -1 where a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program speaks UTF-8");
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The program, without what the surroundings might tell it.
pub(crate) fn sipreel() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sipreel"));
    command
        .env_remove("SIPREEL_STORE")
        .env_remove("SIPREEL_CONFIG")
        .env_remove("RUST_BACKTRACE")
        .stdin(std::process::Stdio::null());
    command
}

/// Runs the program with these arguments.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Run {
    sipreel().args(arguments).output().expect("the program starts").into()
}

/// Begins the names of the tests' folders.
const PREFIX: &str = "sipreel-test-";
/// No test takes so long.
const NOBODYS: Duration = Duration::from_secs(3600);

/// Deletes what earlier tests left: those that were killed, and those whose stores all tests of a binary share, which
/// nobody drops.
fn sweep() {
    let folders = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for folder in folders.filter(|folder| folder.file_name().to_string_lossy().starts_with(PREFIX)) {
        let made = folder.metadata().and_then(|metadata| metadata.modified());
        if made.ok().and_then(|made| made.elapsed().ok()).is_some_and(|age| age > NOBODYS) {
            // Where another test was faster, it is gone.
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}

/// A store that goes with the test.
#[derive(Debug)]
pub(crate) struct Store(TempDir);

impl Store {
    pub(crate) fn new() -> Store {
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        Store(tempfile::Builder::new().prefix(PREFIX).tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("store")
    }

    /// A place beside the store for what a test makes.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `replay` of `files` into this store, with more arguments.
    pub(crate) fn replay(&self, files: &[PathBuf], more: &[&str]) -> Run {
        let mut command = sipreel();
        command.arg("replay").args(files).arg("--store").arg(self.path()).args(more);
        command.output().expect("the program starts").into()
    }

    /// `calls WHAT...` on this store.
    pub(crate) fn calls(&self, what: &[&str]) -> Run {
        let mut command = sipreel();
        command.arg("calls").args(what).arg("--store").arg(self.path());
        command.output().expect("the program starts").into()
    }

    /// `verify` of this store, with more arguments.
    pub(crate) fn verify(&self, more: &[&str]) -> Run {
        let mut command = sipreel();
        command.arg("verify").args(more).arg("--store").arg(self.path());
        command.output().expect("the program starts").into()
    }

    /// The records that `calls list --json` gives with these filters.
    pub(crate) fn list(&self, filters: &[&str]) -> Vec<Value> {
        let run = self.calls(&[&["list", "--json"], filters].concat());
        assert!(run.code <= 1, "{run:?}");
        let records: Vec<Value> =
            run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(run.code, i32::from(records.is_empty()), "nothing found is 1: {run:?}");
        records
    }

    /// Every call, from its folder, in the order of the ids.
    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        let files = tree(&self.path().join("recordings"));
        let records = files.iter().filter(|(path, _)| path.file_name() == Some(OsStr::new("call.json")));
        let mut recorded: Vec<Recorded> = records
            .map(|(path, json)| Recorded {
                folder: self.path().join("recordings").join(path.parent().expect("a folder")),
                record: serde_json::from_slice(json).expect("call.json is JSON"),
            })
            .collect();
        recorded.sort_by_key(Recorded::id);
        recorded
    }

    /// Every file under `recordings/` with its bytes.
    pub(crate) fn recordings(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        tree(&self.path().join("recordings"))
    }
}

/// A store filled by one replay.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) store: Store,
    pub(crate) run: Run,
    pub(crate) metrics: Metrics,
}

/// Replays `files` into a new store, quietly and with metrics.
pub(crate) fn replay(files: &[PathBuf], more: &[&str]) -> Replayed {
    let store = Store::new();
    let metrics = store.beside("metrics.txt");
    let run =
        store.replay(files, &[&["-q", "--metrics", metrics.to_str().expect("a plain path")], more].concat());
    let text = fs::read_to_string(&metrics).unwrap_or_default();
    Replayed { store, run, metrics: Metrics::parse(&text) }
}

impl Replayed {
    /// Every call seen has one outcome.
    pub(crate) fn assert_sum_rule(&self, of: &str) {
        let metrics = &self.metrics;
        let (ended, active) = (metrics.sum("sipreel_calls_total"), metrics.sum("sipreel_calls_active"));
        let seen = metrics.sum("sipreel_calls_seen_total");
        assert_eq!(ended + active, seen, "{of}: calls by outcome and active are the calls seen");
        assert_eq!(active, 0.0, "{of}: a replay leaves no call open");
        assert_eq!(self.store.recorded().len() as f64, seen, "{of}: one record a call seen");
    }
}

/// One call of a store.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) folder: PathBuf,
    pub(crate) record: Value,
}

impl Recorded {
    pub(crate) fn id(&self) -> String {
        text(&self.record["id"])
    }

    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        let path = self.folder.join(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn wav(&self) -> Wav {
        Wav::read(&self.folder.join("call.wav"))
    }

    /// The leg of that role.
    pub(crate) fn leg(&self, role: &str) -> &Value {
        leg(&self.record, role)
    }
}

/// The leg of that role in a record.
pub(crate) fn leg<'a>(record: &'a Value, role: &str) -> &'a Value {
    let legs = record["legs"].as_array().expect("legs");
    legs.iter().find(|leg| leg["role"] == role).unwrap_or_else(|| panic!("no {role} in {record}"))
}

/// Both channels of a recording: the caller's, the callee's.
#[derive(Debug)]
pub(crate) struct Wav {
    pub(crate) spec: hound::WavSpec,
    pub(crate) channels: Vec<Vec<i16>>,
}

impl Wav {
    pub(crate) fn read(path: &Path) -> Wav {
        let reader =
            hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let spec = reader.spec();
        let mut channels = vec![Vec::new(); usize::from(spec.channels)];
        for (n, sample) in reader.into_samples::<i16>().enumerate() {
            channels[n % usize::from(spec.channels)].push(sample.expect("a sample"));
        }
        Wav { spec, channels }
    }
}

/// Metrics as `name{labels}` to value.
#[derive(Debug, Default)]
pub(crate) struct Metrics(pub(crate) BTreeMap<String, f64>);

impl Metrics {
    pub(crate) fn parse(text: &str) -> Metrics {
        let line = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            (name.to_owned(), value.parse().expect("a number"))
        };
        Metrics(text.lines().filter(|line| !line.starts_with('#')).map(line).collect())
    }

    /// The sum over all labels of one family.
    pub(crate) fn sum(&self, family: &str) -> f64 {
        let in_family = |name: &str| name.split('{').next() == Some(family);
        let values: Vec<f64> =
            self.0.iter().filter(|(name, _)| in_family(name)).map(|(_, value)| *value).collect();
        assert!(!values.is_empty(), "no metric {family}");
        values.iter().sum()
    }

    pub(crate) fn of(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// One name a family of `sipreel_rtp_packets_total` and its like.
    pub(crate) fn rtp(&self, disposition: &str) -> f64 {
        self.of(&format!("sipreel_rtp_packets_total{{disposition=\"{disposition}\"}}"))
    }
}

/// Every file under `folder` by its path in it.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is below").to_path_buf();
                files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

/// Two trees are the same, byte for byte; says which files are not rather than what is in them.
pub(crate) fn assert_same_tree(
    one: &BTreeMap<PathBuf, Vec<u8>>,
    other: &BTreeMap<PathBuf, Vec<u8>>,
    what: &str,
) {
    let names = |tree: &BTreeMap<PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other), "{what}: other files");
    let differing: Vec<_> =
        one.iter().filter(|(name, bytes)| other.get(*name) != Some(bytes)).map(|(name, _)| name).collect();
    assert!(differing.is_empty(), "{what}: {differing:?} differ");
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Microseconds since 1970 of a time as records have it; `None` for null.
pub(crate) fn micros(value: &Value) -> Option<i64> {
    let text = value.as_str()?;
    let numbers: Vec<i64> = text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().expect("digits"))
        .collect();
    let [year, month, day, hour, minute, second, micros] = numbers[..] else {
        panic!("{text:?} has no 6 decimals")
    };
    assert!(text.len() == 27 && text.ends_with('Z'), "{text:?} is not UTC to the microsecond");
    // Days from 1970 by counting years from March, when leap days come last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

/// Microseconds of a number of seconds since 1970; `None` for null.
pub(crate) fn micros_of_seconds(value: &Value) -> Option<i64> {
    value.as_f64().map(|seconds| (seconds * 1e6).round() as i64)
}

/// Whether tests run as root, whom rights do not stop.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.starts_with(b"0\n")
}
