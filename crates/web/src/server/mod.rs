//! The HTTP server: one thread, apart from those that record.
//!
//! Which address it listens on is the caller's choice; there is no TLS and no password here.

mod answers;
mod door;
mod error;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::timeout;

use answers::Answers;
use door::{Door, Limits};

pub use error::Error;

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
}

impl Server {
    /// Listens on `address`; with port 0 the system chooses one, see [`local_addr`](Self::local_addr).
    ///
    /// # Errors
    /// When the port is taken, is not for this user, or the address is not one of this machine.
    pub fn bind(address: SocketAddr) -> Result<Self, Error> {
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Server { listener, address, limits: Limits::default() })
        };
        listen().map_err(|source| Error::Listen { address, source })
    }

    /// The address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Starts to answer, in a thread of its own, until the [`Stop`] is used or dropped.
    ///
    /// `scrape` gives the metrics as text; `ready` tells whether calls are being recorded, or why not. They may be
    /// asked by several threads at once, and may take their time.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub fn run(
        self,
        scrape: impl Fn() -> String + Send + Sync + 'static,
        ready: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<Stop, Error> {
        let answers = Answers { scrape: Arc::new(scrape), ready: Arc::new(ready) };
        self.start(answers).map_err(|source| Error::Start { source })
    }

    fn start(self, answers: Answers) -> io::Result<Stop> {
        let runtime =
            Builder::new_current_thread().enable_all().max_blocking_threads(ASKING_THREADS).build()?;
        let door = {
            let _context = runtime.enter();
            Door::new(tokio::net::TcpListener::from_std(self.listener)?, self.limits)
        };
        let (signal, stopped) = watch::channel(false);
        let thread =
            thread::Builder::new().name("web".to_owned()).spawn(|| serve(runtime, door, answers, stopped))?;
        Ok(Stop { signal, thread: Some(thread) })
    }
}

/// Threads that may ask for metrics or readiness at once.
const ASKING_THREADS: usize = 4;

fn serve(runtime: Runtime, door: Door, answers: Answers, stopped: watch::Receiver<bool>) {
    runtime.block_on(async {
        let serving = axum::serve(door, answers.router()).with_graceful_shutdown(until(stopped.clone()));
        let serving = tokio::spawn(serving.into_future());
        until(stopped).await;
        // Whoever is not done by then, a half-sent request among them, is cut off.
        let _ = timeout(GRACE, serving).await;
    });
    // An answer that hangs (a dead disk, say) must not keep the recorder from ending.
    runtime.shutdown_timeout(GRACE);
}

/// How long answers under way may take once the server is to stop.
const GRACE: Duration = Duration::from_millis(500);

/// Waits for the signal; a signal that is gone counts as given.
async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Ends a running server. Dropping it does the same.
#[must_use = "the server ends when this is dropped"]
pub struct Stop {
    signal: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Stop {
    /// Accepts nobody any more, lets answers under way finish within a second, and ends the thread.
    pub fn stop(self) {}
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.signal.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been printed; the recorder ends in order all the same.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
