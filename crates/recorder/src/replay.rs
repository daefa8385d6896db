//! `sipreel replay`: capture files to recordings.

use anyhow::Context;
use call::End;
use capture::Input;
use store::{Durability, Store};

use crate::cli::Replay;
use crate::config::Settings;
use crate::exit::Exit;
use crate::metrics;
use crate::progress::Progress;
use crate::run::Run;
use crate::signals::Stop;

pub(crate) fn run(arguments: &Replay) -> anyhow::Result<Exit> {
    let common = &arguments.common;
    // The capture is still there: after a loss of power it is replayed again.
    let settings = Settings::new(common, &common.store.config()?, Durability::Fast)?;
    let stop = Stop::listen().context("cannot listen for signals")?;
    let filter = arguments.filter.as_deref().map(|words| filter(words, common.quiet)).transpose()?;
    let inputs = inputs(arguments.files.iter().chain(&arguments.read))?;
    let (captures, refused) = capture::Replay::open(&inputs);
    let mut exit = Exit::Done;
    for error in &refused {
        eprintln!("sipreel: {error}");
        exit = exit.max(Exit::of_input(error));
    }
    if refused.len() == inputs.len() {
        return Ok(exit);
    }
    let store = Store::open(&settings.store)?.with_retention(settings.retention.clone());
    let progress = Progress::new(captures.bytes_total(), common.quiet);
    let all = (progress, metrics::new());
    let mut run = Run::new(common, &settings, store.clone(), captures.medium(), all)?;
    // Only now that the index is held: the folders of another replay look the same.
    store.remove_abandoned()?;
    run.filter_by(filter);
    exit = exit.max(read_all(captures, &mut run, &stop)?);
    Ok(exit.max(run.finish()?))
}

/// The filter of those words, with a word where it lets in more.
pub(crate) fn filter(words: &str, quiet: bool) -> Result<capture::Filter, capture::FilterError> {
    let filter = capture::Filter::new(words)?;
    if let Some(read) = filter.read_as().filter(|_| !quiet) {
        eprintln!("sipreel: so that no fragment and no tagged frame is lost, the filter is read as: {read}");
    }
    Ok(filter)
}

/// The inputs named; a pattern that names no file itself stands for those that it fits.
pub(crate) fn inputs<'a>(names: impl IntoIterator<Item = &'a String>) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for name in names {
        let is_pattern = name.contains(['*', '?', '[']) && !std::path::Path::new(name).exists();
        if name == "-" {
            inputs.push(Input::Stdin);
        } else if is_pattern {
            let fitting = glob::glob(name).with_context(|| format!("{name}: not a pattern"))?;
            let before = inputs.len();
            inputs.extend(fitting.flatten().map(Input::File));
            if inputs.len() == before {
                inputs.push(Input::File(name.into()));
            }
        } else {
            inputs.push(Input::File(name.into()));
        }
    }
    Ok(inputs)
}

/// Frames between two looks at the signals, the progress bar and what the sealers have done.
const STRIDE: u64 = 4096;

/// Reads to the end, or until asked to stop.
fn read_all(mut captures: capture::Replay, run: &mut Run<'_>, stop: &Stop) -> anyhow::Result<Exit> {
    let mut until_look = STRIDE;
    let mut exit = Exit::Done;
    let mut end = End::CaptureEnd;
    loop {
        while let Some(text) = captures.poll_key_log() {
            run.handle_key_log(&text);
        }
        match captures.next() {
            Ok(Some(frame)) => run.handle_frame(&frame),
            Ok(None) => break,
            Err(error) => {
                run.progress.say(&format!("sipreel: {error}"));
                exit = exit.max(Exit::of_input(&error));
            }
        }
        while let Some(lost) = captures.poll_lost() {
            run.handle_capture_loss(lost.from, lost.to, lost.packets);
        }
        run.seal();
        until_look -= 1;
        if until_look == 0 {
            until_look = STRIDE;
            run.enter_done()?;
            run.tell_unfiltered();
            run.progress.show(captures.bytes_read(), captures.frames_read(), run.calls());
            if stop.is_asked() {
                end = End::Shutdown;
                break;
            }
        }
    }
    run.tell_unfiltered();
    run.handle_end_of_files(end);
    Ok(exit)
}
