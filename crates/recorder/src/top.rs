//! `sipreel top`: what a recorder is at, once a second, in the terminal or as a line of JSON each.

mod present;
mod rates;
mod screen;

use std::io::{self, IsTerminal, Write, stdout};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use serde::Serialize;
use store::audit::Action;
use store::{Error, Store};

use crate::cli::{Top, Why};
use crate::exit::Exit;
use crate::log::Log;

pub(crate) use present::{Ended, Present};
use rates::Rates;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Nobody records into the store.
#[derive(Debug, thiserror::Error)]
#[error("no recorder is at work in {}; `sipreel record` starts one, `sipreel status` tells of the store", .0.display())]
pub(crate) struct NoRecorder(std::path::PathBuf);

pub(crate) fn run(arguments: &Top) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let first = ask(&store)?;
    let log = Log::new(&store, "top", &Why::default());
    log.tell(&log.deed(Action::List, None));
    if arguments.json || arguments.once || !stdout().is_terminal() {
        return lines(&store, first, arguments.once);
    }
    let mut terminal = ratatui::try_init().context("the terminal cannot be drawn on")?;
    let done = watch(&store, first, &mut terminal);
    ratatui::try_restore().context("the terminal cannot be put back in order")?;
    done
}

/// What the recorder says now.
fn ask(store: &Store) -> anyhow::Result<Present> {
    let said = match store::socket::ask_present(store) {
        Ok(said) => said,
        Err(Error::Io { source, .. }) if is_nobody(&source) => {
            return Err(NoRecorder(store.dir().to_owned()).into());
        }
        Err(error) => return Err(error.into()),
    };
    serde_json::from_str(&said).context("the recorder is of another version")
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// A moment and the rates since the one before.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    present: Present,
    /// A second's share.
    per_s: Option<Rates>,
}

/// One line a second, until the recorder ends or nobody reads.
fn lines(store: &Store, first: Present, once: bool) -> anyhow::Result<Exit> {
    let (mut before, mut next) = (first, Instant::now() + EVERY);
    loop {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next += EVERY;
        let present = ask(store)?;
        let per_s = Rates::between(&before, &present);
        before = present.clone();
        let mut out = stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&Told { present, per_s })?)?;
        out.flush()?;
        if once {
            return Ok(Exit::Done);
        }
    }
}

/// Draws each second anew, until somebody quits.
fn watch(store: &Store, first: Present, terminal: &mut ratatui::DefaultTerminal) -> anyhow::Result<Exit> {
    let (mut present, mut rates) = (first, None);
    loop {
        terminal.draw(|frame| screen::draw(frame, &present, rates))?;
        let next = Instant::now() + EVERY;
        while let Some(left) = next.checked_duration_since(Instant::now()) {
            if !event::poll(left)? {
                break;
            }
            match event::read()? {
                Event::Key(key) if quits(key) => return Ok(Exit::Done),
                Event::Resize(..) => {
                    terminal.draw(|frame| screen::draw(frame, &present, rates))?;
                }
                _ => {}
            }
        }
        let now = ask(store)?;
        rates = Rates::between(&present, &now);
        present = now;
    }
}

/// `q`, Escape or Control-C: in the terminal's raw mode the last is a key like others.
fn quits(key: KeyEvent) -> bool {
    let interrupts = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
    key.kind == KeyEventKind::Press && (interrupts || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quits_by_the_keys_that_hands_know() {
        let key = |code, modifiers| quits(KeyEvent::new(code, modifiers));
        assert!(key(KeyCode::Char('q'), KeyModifiers::NONE) && key(KeyCode::Esc, KeyModifiers::NONE));
        assert!(key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!key(KeyCode::Char('c'), KeyModifiers::NONE));
    }
}
