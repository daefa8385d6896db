//! A bundle being made: call after call, then what is told of all of them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clock::Time;
use serde::Serialize;
use store::{CallId, Record, Store};

use crate::audio::Format;
use crate::call::{self, Entry};
use crate::error::Error;
use crate::mask::{Mask, Masks};
use crate::page::{self, Line, Parts};
use crate::proofs;
use crate::sink::{Place, Sink};
use crate::sums::{Hashing, Sum, Sums};

/// What is handed over, and how.
#[derive(Clone, Copy, Default, Debug)]
pub struct Choices {
    /// What the audio is to be.
    pub format: Format,
    /// What is masked. Packets hold everything: with any mask they are left out.
    pub mask: Mask,
}

/// A bundle being made.
pub struct Bundle {
    sink: Sink,
    choices: Choices,
    /// Whether it is of one call, whose files stand at its top.
    is_one: bool,
    masks: Masks,
    sums: Sums,
    /// The files that the store signed as they are.
    signed: Vec<String>,
    lines: Vec<Line>,
    calls: BTreeSet<CallId>,
    newest: Time,
    /// For what is made over.
    beside: tempfile::TempDir,
}

/// Everything that a bundle says of itself.
#[derive(Serialize)]
struct Manifest<'a> {
    version: u32,
    masked: Vec<&'static str>,
    calls: &'a BTreeSet<CallId>,
    files: &'a [Sum],
}

/// How wide a ladder in a text is.
const COLUMNS: usize = 120;

impl Bundle {
    /// Begins one at `place`, of one call or of many.
    ///
    /// # Errors
    /// Where that cannot be written, or is a folder that holds something else.
    pub fn begin(place: &Place, is_one: bool, choices: Choices) -> Result<Bundle, Error> {
        if let (Place::Folder(folder), false) = (place, is_one) {
            refuse_taken(folder)?;
        }
        let beside = tempfile::tempdir().map_err(Error::io("make a folder in", &std::env::temp_dir()))?;
        Ok(Bundle {
            sink: Sink::create(place)?,
            choices,
            is_one,
            masks: Masks::new(choices.mask),
            sums: Sums::default(),
            signed: vec![],
            lines: vec![],
            calls: BTreeSet::new(),
            newest: Time::default(),
            beside,
        })
    }

    /// Adds a call with all that the store has of it.
    ///
    /// # Errors
    /// Where something of it cannot be read or written.
    pub fn add(&mut self, store: &Store, record: &Record) -> Result<(), Error> {
        let masked = self.masks.record(record)?;
        let is_masked = !self.choices.mask.is_none();
        let at = record.ended_at.or(record.invited_at).unwrap_or_default();
        let folder = if self.is_one { String::new() } else { format!("{}/", record.id) };
        let sound = call::sound(store, record, self.choices.format, self.beside.path())?;
        let audio: Vec<String> = sound.iter().map(|entry| entry.name.clone()).collect();
        let (series, figures) = call::series(store, record);
        let mut entries = sound;
        entries.extend(call::record(store, record, is_masked.then_some(&masked)));
        entries.extend(series);
        entries.extend(call::packets(store, record).filter(|_| !is_masked));
        let ladder = call::ladder(store, record)?.map(|ladder| self.masks.ladder(ladder));
        let drawn = ladder.map(|ladder| (ladder.draw(COLUMNS), ladder.svg()));
        if let Some((text, svg)) = &drawn {
            entries.push(Entry::made("ladder.txt", text.as_bytes()));
            entries.push(Entry::made("ladder.svg", svg.as_bytes()));
        }
        let files: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
        let page = page::one(&Parts {
            record: &masked,
            audio: &audio,
            files: &files,
            series: &figures,
            ladder: drawn.as_ref().map(|(_, svg)| svg.as_str()),
            note: self.note(),
        });
        entries.push(Entry::made("index.html", page));
        for entry in &entries {
            self.put(&folder, entry, at)?;
        }
        self.lines.push(Line::of(&masked, record.id.as_str()));
        self.calls.insert(record.id.clone());
        self.newest = self.newest.max(at);
        // What was made over is handed over.
        for name in &audio {
            let _ = fs::remove_file(self.beside.path().join(name));
        }
        Ok(())
    }

    /// Ends it with its page, its sums and its proofs; gives where it is and the names of its files.
    ///
    /// # Errors
    /// Where something cannot be read or written.
    pub fn finish(mut self, store: &Store) -> Result<(PathBuf, Vec<String>), Error> {
        let at = self.newest;
        if !self.is_one {
            let page = page::all(&self.lines, self.note());
            self.put("", &Entry::made("index.html", page), at)?;
        }
        let readme = self.readme();
        self.put("", &Entry::made("README.txt", readme), at)?;
        for (name, octets) in proofs::files(store, &self.calls)? {
            self.put("proofs/", &Entry::made(&name, octets), at)?;
        }
        let signed: String = self.signed.iter().map(|name| name.clone() + "\n").collect();
        self.put("proofs/", &Entry::made("as-signed.txt", signed), at)?;
        let manifest =
            Manifest { version: 1, masked: self.masked(), calls: &self.calls, files: self.sums.all() };
        let manifest =
            serde_json::to_string_pretty(&manifest).expect("no map with keys other than text") + "\n";
        self.put("", &Entry::made("manifest.json", manifest), at)?;
        let sums = self.sums.lines();
        self.put("", &Entry::made("SHA256SUMS", sums), at)?;
        let names = self.sums.all().iter().map(|sum| sum.name.clone()).collect();
        Ok((self.sink.finish()?, names))
    }

    fn put(&mut self, folder: &str, entry: &Entry, at: Time) -> Result<(), Error> {
        let name = format!("{folder}{}", entry.name);
        let (bytes, content) = entry.content.open()?;
        let mut hashing = Hashing::new(io::Read::take(content, bytes));
        self.sink.put(&name, bytes, at, &mut hashing)?;
        self.sums.push(hashing.finish(&name, entry.changed));
        if entry.is_signed {
            self.signed.push(name);
        }
        Ok(())
    }

    fn masked(&self) -> Vec<&'static str> {
        let Mask { parties, addresses, text } = self.choices.mask;
        let all = [(parties, "parties"), (addresses, "addresses"), (text, "text")];
        all.into_iter().filter_map(|(is_masked, word)| is_masked.then_some(word)).collect()
    }

    fn note(&self) -> &'static str {
        if self.choices.mask.is_none() { "" } else { MASKED }
    }

    fn readme(&self) -> String {
        let what = if self.is_one {
            "One recorded phone call.\n\nOpen index.html with a browser to see it and to listen to it.\n"
                .to_owned()
        } else {
            format!(
                "{} recorded phone calls, a folder each.\n\nOpen index.html with a browser to see them and to listen to them.\n",
                self.calls.len()
            )
        };
        let note = if self.choices.mask.is_none() { String::new() } else { format!("\n{MASKED}\n") };
        format!("{what}{note}{README}")
    }
}

const MASKED: &str = "Masked for this copy: see \"masked\" in manifest.json. Stand-ins such as party-1 mean the same party in all \
                      calls of this bundle. Voices are as they were, and so is what is said.";

const README: &str = "
What the files of a call are
  call.wav (or .flac, .opus)  the audio: the caller left, the callee right. Silence is where nothing was sent; what was
                              concealed, masked or lost by the capture is told in call.json under \"provenance\".
  call.json                   everything that is known of the call. Times are UTC, durations are seconds.
  call.pcapng                 its packets, for Wireshark and its like
  series.csv                  loss, jitter and level of each second
  ladder.txt, ladder.svg      its signalling: who sent which message to whom, and when

Whether it is as it was recorded
  sha256sum -c SHA256SUMS     that everything came over whole
  bash proofs/verify.sh       the same, and that the recorder's key signed these files as they are (openssl, b3sum)
  manifest.json               each file with its length and hashes; \"changed\" where one was made over for this copy
  proofs/statements.jsonl     what was signed of these calls; proofs/roots.log chains the days, proofs/*.pem are the keys.
                              Whoever sent you this can tell you the key's name another way: a key that only comes with
                              the recordings proves little.
";

/// Many calls go into a folder of their own, so that none is mixed with what was there.
fn refuse_taken(folder: &Path) -> Result<(), Error> {
    let is_taken = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        entries => entries.map_err(Error::io("list", folder))?.next().is_some(),
    };
    if is_taken { Err(Error::Taken { path: folder.to_owned() }) } else { Ok(()) }
}
