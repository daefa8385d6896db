//! TCP connections, and the DTLS handshakes of media: the secrets that are given for them, what of them goes to the calls,
//! and their metrics.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use call::{Arrival, Call, Side, Tracker};
use flow::Flow;
use rtp::srtp::{MasterKey, Suite};
use tls::KeyLog;
use transport::{Handshakes, MediaKey, StreamResult, Streams, TlsRecord};
use web::metrics::{Families, Table};

/// A key log that is of no use. It is told before anything is read.
#[derive(Debug)]
pub(crate) enum Error {
    Read { path: PathBuf, source: io::Error },
    Line { path: PathBuf, fault: tls::Error },
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Read { path, source } => write!(
                f,
                "{}: the key log cannot be read: {source}; give --tls-keylog the file that SSLKEYLOGFILE names",
                path.display()
            ),
            Error::Line { path, fault } => write!(
                f,
                "{}: {fault}; give --tls-keylog a key log as SSLKEYLOGFILE makes them (NSS), or take the line out",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Error {}

/// The secrets of all key logs.
pub(crate) fn key_log(paths: &[PathBuf]) -> Result<KeyLog, Error> {
    let mut keys = KeyLog::default();
    for path in paths {
        keys.extend(read(path)?);
    }
    Ok(keys)
}

fn read(path: &Path) -> Result<KeyLog, Error> {
    let text = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    KeyLog::read(&text).map_err(|fault| Error::Line { path: path.to_owned(), fault })
}

/// Hands the messages that connections brought to the tracker, as the datagrams that stand for them.
pub(crate) fn hand_on(streams: &mut Streams, tracker: &mut Tracker) {
    while let Some(received) = streams.poll_message() {
        let frame = rtp::Frame { bytes: received.packet(), link: crate::intake::RAW_IP, place: None };
        let (at, flow, payload) = (received.at, received.flow, received.message());
        tracker.handle_datagram(&Arrival { at, flow, path: &flow::Path::NONE, payload, frame });
    }
}

/// Adds to a call that is over the keys that handshakes over its flows agreed on (RFC 5764). Media may have moved to another
/// flow since; so they count for all of its streams.
pub(crate) fn add_media_keys(handshakes: &Handshakes, call: &mut Call) {
    if !call.negotiation.is_secure() {
        return;
    }
    let streams = || Side::BOTH.iter().flat_map(|&side| call.legs.of(side));
    let flows: BTreeSet<Flow> =
        streams().map(|matched| matched.stream.flow.min(matched.stream.flow.reversed())).collect();
    let lengths = |profile| Suite::of_profile(profile).map(|suite| (suite.key_len(), suite.salt_len()));
    let agreed = flows.into_iter().flat_map(|flow| handshakes.keys(flow, lengths));
    let keys = agreed.filter_map(|MediaKey { profile, key_and_salt, identifier }| {
        MasterKey::new(Suite::of_profile(profile)?, &key_and_salt.0, &identifier)
    });
    call.media_keys = keys.collect();
}

/// Brings the metrics of connections up to date.
pub(crate) fn count(families: &Families, streams: &Streams, handshakes: &Handshakes) {
    let fill = handshakes.fill();
    families.tables.set(Table::DtlsHandshakes, fill.entries as u64, fill.limit as u64, fill.evicted);
    let (counts, table, limits) = (streams.counts(), streams.table(), streams.limits());
    for &result in StreamResult::ALL {
        families.capture.set_tcp_streams(result.as_str(), counts.of(result));
    }
    for &record in TlsRecord::ALL {
        families.capture.set_tls_records(record.as_str(), counts.of_records(record));
    }
    families.capture.set_tcp_segments(table.segments);
    families.capture.set_tcp_holes(counts.holes);
    for (table, entries, limit, evicted) in [
        (Table::TcpConnections, table.connections, limits.connections, table.evicted),
        (Table::TcpBytes, table.bytes, limits.bytes, table.evicted_for_bytes),
    ] {
        families.tables.set(table, entries as u64, limit as u64, evicted);
    }
}

/// What of connections was not read, for the summary.
pub(crate) fn unread(streams: &Streams) -> [(&'static str, u64); 6] {
    let counts = streams.counts();
    [
        ("TCP segments", streams.table().ignored),
        ("TLS connections that may carry signalling", counts.of(StreamResult::EncryptedSignalling)),
        ("other TLS connections", counts.of(StreamResult::Tls)),
        ("TLS records that their keys do not open", counts.of_records(TlsRecord::Failed)),
        ("WebSocket messages that are compressed or no SIP", counts.websocket_unread),
        ("holes in signalling over TCP", counts.holes),
    ]
}
