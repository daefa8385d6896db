//! What was seen of connections, in closed sets.

use wire::labels;

labels! {
    /// What a connection turned out to be. Each is counted once, when that is known, or when it is over.
    StreamResult {
        /// SIP.
        Sip = "sip",
        /// WebSocket with SIP in it.
        WebSocket = "websocket",
        /// TLS that is read, with SIP in it.
        SipTls = "sip_tls",
        /// TLS that is read, with WebSocket and SIP in it.
        WebSocketTls = "websocket_tls",
        /// TLS that cannot be read, at a port of SIP's or by a client that offers to speak SIP: calls may be inside.
        EncryptedSignalling = "encrypted_signalling",
        /// Other TLS that cannot be read.
        Tls = "tls",
        /// Something else.
        Other = "other",
        /// Not an octet was seen of it, or too few to tell.
        Empty = "empty",
        /// It had to make room before it was known.
        Evicted = "evicted",
    }
}

labels! {
    /// What became of a TLS record that something was sealed in.
    TlsRecord {
        /// Opened.
        Opened = "opened",
        /// Of a connection with keys, and yet not to be opened.
        Failed = "failed",
    }
}

/// Counters of everything that passed through [`crate::Streams`].
#[derive(Clone, Default, Debug)]
pub struct Counts {
    streams: [u64; StreamResult::ALL.len()],
    tls_records: [u64; TlsRecord::ALL.len()],
    /// Messages that came out.
    pub messages: u64,
    /// Holes in connections of SIP: octets that were never captured.
    pub holes: u64,
    /// WebSocket messages that are compressed (RFC 7692) or are no SIP.
    pub websocket_unread: u64,
}

impl Counts {
    /// Connections that turned out to be `result`.
    #[must_use]
    pub fn of(&self, result: StreamResult) -> u64 {
        self.streams.get(result as usize).copied().unwrap_or_default()
    }

    /// Records of which that became.
    #[must_use]
    pub fn of_records(&self, record: TlsRecord) -> u64 {
        self.tls_records.get(record as usize).copied().unwrap_or_default()
    }

    pub(crate) fn count(&mut self, result: StreamResult) {
        if let Some(count) = self.streams.get_mut(result as usize) {
            *count += 1;
        }
    }

    pub(crate) fn add_records(&mut self, record: TlsRecord, records: u64) {
        if let Some(count) = self.tls_records.get_mut(record as usize) {
            *count += records;
        }
    }
}
