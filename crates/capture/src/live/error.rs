//! What can be wrong with a live source, and what to do about it.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::error::Error;

/// A source that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// There is no such interface.
    #[error("{name}: no such interface; `sipreel record -D` lists those there are")]
    NoInterface {
        /// Its name.
        name: String,
    },
    /// The rights are missing.
    #[error(
        "{name}: no permission to capture; run as root, or once: sudo setcap cap_net_raw,cap_net_admin=eip {}",
        Program
    )]
    Permission {
        /// The interface.
        name: String,
    },
    /// The interface is not up.
    #[error("{name}: is down; `ip link set {name} up` brings it up")]
    Down {
        /// Its name.
        name: String,
    },
    /// Something else keeps libpcap from opening it.
    #[error("{name}: cannot be captured on: {source}")]
    Refused {
        /// The interface.
        name: String,
        /// What libpcap said.
        source: pcap::Error,
    },
    /// The filter is none.
    #[error("{filter:?} is no filter for {name}: {source}; see `man pcap-filter`")]
    Filter {
        /// The interface.
        name: String,
        /// The filter.
        filter: String,
        /// What libpcap said.
        source: pcap::Error,
    },
    /// The system does not list its interfaces.
    #[error("the interfaces cannot be listed: {source}")]
    Devices {
        /// What libpcap said.
        source: pcap::Error,
    },
    /// Standard input cannot be read beside the rest.
    #[error("standard input cannot be read: {source}")]
    Stdin {
        /// What the system said.
        source: io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen for HEP on {address}: {}", Listening(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl LiveError {
    /// Whether rights are what is missing.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        match self {
            LiveError::Permission { .. } => true,
            LiveError::Listen { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// Whether what was asked for makes no sense here.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, LiveError::NoInterface { .. } | LiveError::Filter { .. } | LiveError::Listen { .. })
    }

    /// What kept libpcap from opening an interface. It says so in words only.
    pub(crate) fn of_interface(name: &str, source: pcap::Error) -> LiveError {
        let (name, said) = (name.to_owned(), source.to_string());
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if says(&["No such device", "No such interface", "doesn't exist"]) {
            LiveError::NoInterface { name }
        } else if says(&["permission", "Permission", "not permitted", "CAP_NET"]) {
            LiveError::Permission { name }
        } else if says(&["not up"]) {
            LiveError::Down { name }
        } else {
            LiveError::Refused { name, source }
        }
    }
}

/// What became of a source meanwhile. The others go on, and an interface may come back.
#[derive(Debug)]
pub enum Notice {
    /// It gives no more frames.
    Lost {
        /// Its name.
        name: String,
        /// What libpcap said.
        source: pcap::Error,
    },
    /// It does again.
    Back {
        /// Its name.
        name: String,
    },
    /// Something is wrong with the capture on standard input.
    Input(Error),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Lost { name, source } => {
                write!(f, "{name}: lost ({source}); it is tried again every second")
            }
            Notice::Back { name } => write!(f, "{name}: back"),
            Notice::Input(error) => error.fmt(f),
        }
    }
}

/// The path of this program, as far as it is known.
struct Program;

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::env::current_exe() {
            Ok(path) => path.display().fmt(f),
            Err(_) => f.write_str("PATH-OF-SIPREEL"),
        }
    }
}

/// Why an address cannot be listened on, and what helps.
struct Listening<'a>(&'a io::Error);

impl fmt::Display for Listening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            io::ErrorKind::AddrInUse => f.write_str("the port is taken (`ss -lntup` names by whom)"),
            io::ErrorKind::PermissionDenied => {
                f.write_str("permission denied; choose a port from 1024 up, or grant CAP_NET_BIND_SERVICE")
            }
            io::ErrorKind::AddrNotAvailable => {
                f.write_str("this machine has no such address; 0.0.0.0 is all of them")
            }
            _ => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> LiveError {
        LiveError::of_interface("eth9", pcap::Error::PcapError(text.to_owned()))
    }

    #[test]
    fn tells_what_is_missing_by_the_words() {
        assert_eq!(
            of("eth9: No such device exists (No such device exists)").to_string(),
            "eth9: no such interface; `sipreel record -D` lists those there are"
        );
        let denied = of("eth9: You don't have permission to perform this capture on that device");
        assert!(
            denied.is_permission()
                && denied.to_string().contains("sudo setcap cap_net_raw,cap_net_admin=eip /")
        );
        let other = of("The sky fell");
        assert!(!other.is_permission() && !other.is_usage());
        assert_eq!(other.to_string(), "eth9: cannot be captured on: libpcap error: The sky fell");
    }
}
