//! The progress bar of long work: on a terminal, and nowhere else.

use std::io::{IsTerminal, stderr};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
}

impl Progress {
    /// A bar over `bytes`, or a counter where it is not known how many there will be.
    pub(crate) fn new(bytes: Option<u64>, quiet: bool) -> Progress {
        let bar = (!quiet && stderr().is_terminal()).then(|| {
            let template = match bytes {
                Some(_) => "{bar:32} {bytes}/{total_bytes} ({eta} left)  {msg}",
                None => "{spinner} {bytes}  {msg}",
            };
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = bytes.map_or_else(ProgressBar::no_length, ProgressBar::new).with_style(style);
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            bar
        });
        Progress { bar, begun: Instant::now() }
    }

    pub(crate) fn show(&self, bytes: u64, packets: u64, calls: u64) {
        let Some(bar) = &self.bar else { return };
        let rate = packets as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
        bar.set_position(bytes);
        bar.set_message(format!("{packets} packets, {rate:.0} a second, {calls} calls"));
    }

    /// Says a line without tearing the bar.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
