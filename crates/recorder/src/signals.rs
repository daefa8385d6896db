//! SIGINT and SIGTERM: the first asks to finish, the second quits. SIGHUP and SIGUSR1 ask a recorder for something else.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

/// Whether the user asked to stop.
#[derive(Clone)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on.
    pub(crate) fn listen() -> io::Result<Stop> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Registered first, so that it sees the flag as the signal before it left it.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Stop(asked))
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What else a user asks of a recorder.
pub(crate) struct Wishes {
    reload: Arc<AtomicBool>,
    status: Arc<AtomicBool>,
}

impl Wishes {
    /// Listens from now on.
    pub(crate) fn listen() -> io::Result<Wishes> {
        let wishes = Wishes { reload: Arc::default(), status: Arc::default() };
        flag::register(SIGHUP, Arc::clone(&wishes.reload))?;
        flag::register(SIGUSR1, Arc::clone(&wishes.status))?;
        Ok(wishes)
    }

    /// Whether the configuration is to be read anew; once.
    pub(crate) fn poll_reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }

    /// Whether the status is to be told; once.
    pub(crate) fn poll_status(&self) -> bool {
        self.status.swap(false, Ordering::Relaxed)
    }
}
