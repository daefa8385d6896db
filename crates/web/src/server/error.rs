//! Why there is no server, and what to do about it.

use std::net::SocketAddr;
use std::{fmt, io};

/// The server could not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    Listen {
        /// The address as asked for.
        address: SocketAddr,
        /// The system's word on it.
        source: io::Error,
    },
    /// The system gave no thread or no event queue.
    Start {
        /// The system's word on it.
        source: io::Error,
    },
}

impl Error {
    /// Whether rights are what is missing.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        let (Error::Listen { source, .. } | Error::Start { source }) = self;
        source.kind() == io::ErrorKind::PermissionDenied
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, source) = match self {
            Error::Listen { address, source } => (address, source),
            Error::Start { source } => return write!(f, "cannot start the web server: {source}"),
        };
        write!(f, "cannot listen on {address}: ")?;
        match source.kind() {
            io::ErrorKind::AddrInUse => {
                write!(f, "the port is taken; choose another, or end what holds it (`ss -ltnp` names it)")
            }
            io::ErrorKind::PermissionDenied => {
                write!(f, "permission denied; choose a port from 1024 up, or grant CAP_NET_BIND_SERVICE")
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(
                    f,
                    "this machine has no such address; 127.0.0.1 is always there, 0.0.0.0 is all of them"
                )
            }
            _ => write!(f, "{source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let (Error::Listen { source, .. } | Error::Start { source }) = self;
        Some(source)
    }
}
