//! Decoding by the system's `ffmpeg`, for codecs that are not decoded in this process: a separate process without
//! privileges, for a limited time, and one at a time. It gets frames by a pipe and writes samples to a file; what the
//! codecs are, and where frames come from, does not belong here.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The program.
#[derive(Debug)]
pub struct Ffmpeg {
    path: PathBuf,
}

/// What is to be decoded, and what must come of it.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// The name of the stream's container, as `ffmpeg -demuxers` lists it.
    pub container: &'static str,
    /// The decoder that is better than the program's own, where it was built with it.
    pub better: Option<&'static str>,
    /// How many samples come of it.
    pub samples: u64,
    /// How many of them are a second.
    pub sample_rate: u32,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be run.
    #[error("cannot run {path}: {cause}")]
    Run {
        /// The program.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It took too long and was stopped.
    #[error("{path} was stopped after {limit_s} s")]
    Late {
        /// The program.
        path: PathBuf,
        /// How long it had.
        limit_s: u64,
    },
    /// It gave something else than what the frames hold.
    #[error("{path} gave {given} octets, not {expected}")]
    Length {
        /// The program.
        path: PathBuf,
        /// What it gave.
        given: u64,
        /// What it should have given.
        expected: u64,
    },
}

impl Ffmpeg {
    /// The program as `PATH` finds it, looked for once.
    #[must_use]
    pub fn find() -> Option<&'static Ffmpeg> {
        static FOUND: OnceLock<Option<Ffmpeg>> = OnceLock::new();
        let find = || {
            let path = std::env::var_os("PATH")?;
            let places = std::env::split_paths(&path).map(|folder| folder.join("ffmpeg"));
            places.into_iter().find(|place| place.is_file()).map(|path| Ffmpeg { path })
        };
        FOUND.get_or_init(find).as_ref()
    }

    /// Decodes what `feed` writes into `samples`, an empty file: 16 bits a sample, the lower octet first. Waits while
    /// another is at work.
    ///
    /// # Errors
    /// Where the program cannot be run, takes too long, or does not give exactly the samples that were asked for.
    pub fn decode(
        &self,
        task: Task,
        samples: &File,
        feed: impl Fn(&mut dyn Write) -> io::Result<()> + Sync,
    ) -> Result<(), Error> {
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let decoded = self.decode_once(task, samples, &feed);
        if task.better.is_none() || decoded.is_ok() {
            return decoded;
        }
        let emptied = samples.set_len(0).and_then(|()| (&*samples).rewind());
        emptied.map_err(|cause| Error::Run { path: self.path.clone(), cause })?;
        self.decode_once(Task { better: None, ..task }, samples, &feed)
    }

    fn decode_once(
        &self,
        task: Task,
        samples: &File,
        feed: &(impl Fn(&mut dyn Write) -> io::Result<()> + Sync),
    ) -> Result<(), Error> {
        let failed = |cause| Error::Run { path: self.path.clone(), cause };
        let mut child = self.spawn(task, samples).map_err(failed)?;
        let limit =
            Duration::from_secs(LEAST_TIME_S + task.samples / u64::from(task.sample_rate.max(1)) / FASTER);
        let stdin = child.stdin.take();
        let in_time = thread::scope(|scope| {
            scope.spawn(move || write(stdin, feed));
            wait(&mut child, limit)
        });
        if !in_time.map_err(failed)? {
            return Err(Error::Late { path: self.path.clone(), limit_s: limit.as_secs() });
        }
        let (given, expected) = (samples.metadata().map_err(failed)?.len(), 2 * task.samples);
        if given != expected {
            return Err(Error::Length { path: self.path.clone(), given, expected });
        }
        Ok(())
    }

    /// As nobody where we are root and may become somebody else.
    fn spawn(&self, task: Task, samples: &File) -> io::Result<Child> {
        if rustix::process::geteuid().is_root() {
            let as_nobody = self.command(task, samples)?.uid(NOBODY).gid(NOBODY).spawn();
            if as_nobody.is_ok() {
                return as_nobody;
            }
        }
        self.command(task, samples)?.spawn()
    }

    fn command(&self, task: Task, samples: &File) -> io::Result<Command> {
        let mut command = Command::new(&self.path);
        command
            .args(["-hide_banner", "-nostdin", "-loglevel", "quiet", "-protocol_whitelist", "pipe"])
            .args(["-threads", "1"])
            .args(task.better.map(|decoder| ["-c:a", decoder]).into_iter().flatten())
            .args(["-f", task.container, "-i", "pipe:0", "-map", "0:a:0"])
            // Never much more than what the frames can hold.
            .args(["-fs", &(2 * task.samples + 65_536).to_string()])
            .args([
                "-c:a",
                "pcm_s16le",
                "-ac",
                "1",
                "-ar",
                &task.sample_rate.to_string(),
                "-f",
                "s16le",
                "pipe:1",
            ])
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::from(samples.try_clone()?))
            .stderr(Stdio::null());
        Ok(command)
    }
}

/// What it takes at the least, on a machine that is busy.
const LEAST_TIME_S: u64 = 20;
/// How many times faster than the speech it must be.
const FASTER: u64 = 20;
const NOBODY: u32 = 65_534;

/// A program that has ended already shows in what it gave.
fn write(stdin: Option<ChildStdin>, feed: impl Fn(&mut dyn Write) -> io::Result<()>) {
    if let Some(stdin) = stdin {
        let mut stdin = BufWriter::with_capacity(1 << 16, stdin);
        let _ = feed(&mut stdin).and_then(|()| stdin.flush());
    }
}

/// Whether it ended by itself within `limit`; where not, it is stopped.
fn wait(child: &mut Child, limit: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    while child.try_wait()?.is_none() {
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A program of that script in place of the real one.
    fn scripted(script: &str) -> (tempfile::TempDir, Ffmpeg) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = dir.path().join("ffmpeg");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (dir, Ffmpeg { path })
    }

    fn decode(script: &str, samples: u64) -> (Result<(), Error>, Vec<u8>) {
        let (_dir, ffmpeg) = scripted(script);
        let mut file = tempfile::tempfile().unwrap();
        let task = Task { container: "g729", better: None, samples, sample_rate: 8000 };
        let done = ffmpeg.decode(task, &file, |stdin| stdin.write_all(b"abcd"));
        let mut given = vec![];
        file.rewind().unwrap();
        io::Read::read_to_end(&mut file, &mut given).unwrap();
        (done, given)
    }

    #[test]
    fn what_is_fed_comes_back_decoded() {
        let (done, given) = decode("exec /bin/cat", 2);
        assert!(done.is_ok(), "{done:?}");
        assert_eq!(given, b"abcd");
    }

    #[test]
    fn too_little_is_an_error() {
        let (done, _) = decode("exec /bin/cat", 3);
        assert!(matches!(done, Err(Error::Length { given: 4, expected: 6, .. })), "{done:?}");
        let (done, _) = decode("exit 1", 3);
        assert!(matches!(done, Err(Error::Length { given: 0, .. })), "{done:?}");
    }

    #[test]
    fn a_better_decoder_is_asked_first_and_its_own_then() {
        let decode = |script: &str| {
            let (_dir, ffmpeg) = scripted(script);
            let mut file = tempfile::tempfile().unwrap();
            let task = Task { container: "ogg", better: Some("libspeex"), samples: 2, sample_rate: 8000 };
            let done = ffmpeg.decode(task, &file, |stdin| stdin.write_all(b"abcd"));
            let mut given = vec![];
            file.rewind().unwrap();
            io::Read::read_to_end(&mut file, &mut given).unwrap();
            (done.is_ok(), given)
        };
        let both = "case \"$*\" in *'-c:a libspeex -f ogg'*) printf good ;; *) printf wrong ;; esac";
        assert_eq!(decode(both), (true, b"good".to_vec()));
        let own = "case \"$*\" in *libspeex*) printf no; exit 1 ;; *) /bin/cat ;; esac";
        assert_eq!(decode(own), (true, b"abcd".to_vec()));
    }

    #[test]
    fn whoever_takes_too_long_is_stopped() {
        let mut child = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        assert!(!wait(&mut child, Duration::from_millis(50)).unwrap());
        assert!(child.try_wait().unwrap().is_some());
    }

    #[test]
    fn it_runs_without_privileges_and_surroundings() {
        let (_, given) = decode("/usr/bin/id -u; echo $HOME; pwd", 0);
        let told = String::from_utf8(given).unwrap();
        let mut lines = told.lines();
        assert_ne!(lines.next(), Some("0"), "{told:?}");
        assert_eq!(lines.collect::<Vec<_>>(), ["", "/"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let ffmpeg = Ffmpeg { path: "/nowhere/ffmpeg".into() };
        let file = tempfile::tempfile().unwrap();
        let task = Task { container: "g729", better: None, samples: 1, sample_rate: 8000 };
        assert!(matches!(ffmpeg.decode(task, &file, |_| Ok(())), Err(Error::Run { .. })));
    }
}
