//! Who comes in: a bounded number of connections, each for a bounded time.
//!
//! A client that is slow, silent or a flood costs its slot for that time and nothing more.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// How many come in, and how long they may stay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at once; the next one waits in the kernel's queue.
    pub(super) connections: usize,
    /// From coming in to being done: answers are a few kilobytes.
    pub(super) stay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { connections: 64, stay: Duration::from_secs(10) }
    }
}

/// The listening socket, and the slots that are left.
pub(super) struct Door {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    stay: Duration,
}

impl Door {
    pub(super) fn new(listener: TcpListener, limits: Limits) -> Self {
        Door { listener, slots: Arc::new(Semaphore::new(limits.connections)), stay: limits.stay }
    }
}

impl Listener for Door {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("nobody closes the semaphore");
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let stay = Box::pin(sleep(self.stay));
                    return (Visit { stream, stay, _slot: slot }, address);
                }
                Err(error) if is_the_clients_own(&error) => {}
                // Out of descriptors or memory, and asking again at once would spin.
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Whether a connection failed before it was accepted, by its client's doing.
fn is_the_clients_own(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// A connection; past its time every read and write fails, and so it is closed.
pub(super) struct Visit {
    stream: TcpStream,
    stay: Pin<Box<Sleep>>,
    _slot: OwnedSemaphorePermit,
}

impl Visit {
    /// The stream, while there is time.
    fn stream(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        match self.stay.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(Pin::new(&mut self.stream)),
        }
    }
}

impl AsyncRead for Visit {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream(cx)?.poll_read(cx, into)
    }
}

impl AsyncWrite for Visit {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream(cx)?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream(cx)?.poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(cx)?.poll_shutdown(cx)
    }
}
