//! What a service manager is told (sd_notify(3)): that recording began, that it still goes on, that it ends. Where none
//! listens, nothing is said.

use std::time::{Duration, Instant};

use sd_notify::{NotifyState, notify};

/// The service manager, if there is one.
pub(crate) struct Service {
    /// How often it wants to hear that all is well, if it does.
    interval: Option<Duration>,
    heard_at: Instant,
}

impl Service {
    /// Recording goes on from here; `status` is for people to read.
    pub(crate) fn ready(status: &str) -> Service {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
        // Half of the time after which it would think that this program hangs.
        let interval = sd_notify::watchdog_enabled().map(|patience| patience / 2);
        Service { interval, heard_at: Instant::now() }
    }

    /// All is well. To be said often: it is passed on as often as it is wanted.
    pub(crate) fn beat(&mut self, status: impl FnOnce() -> String) {
        if self.interval.is_some_and(|interval| self.heard_at.elapsed() >= interval) {
            self.heard_at = Instant::now();
            tell(&[NotifyState::Watchdog, NotifyState::Status(&status())]);
        }
    }

    /// No more is recorded; what is open is being finished.
    pub(crate) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }
}

/// Nobody there to hear it is as good as told.
fn tell(state: &[NotifyState<'_>]) {
    let _ = notify(state);
}
