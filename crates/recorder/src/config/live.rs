//! `[record]` and `[serve]`: what is listened to, and who may ask.

use std::net::SocketAddr;
use std::time::Duration;

use capture::live::Options;

use super::{Config, Problem};

impl Config {
    /// The sources of `record`.
    pub(crate) fn live(&self) -> Result<Options, Problem> {
        let (check, record) = (self.checker(), &self.file.record);
        let defaults = Options::default();
        let interfaces = record.interfaces.iter().flatten();
        let agents = record.hep.iter().flatten();
        let buffer = check.whole::<u32>("record.buffer_mib", &record.buffer_mib, 1..=2047)?;
        let snaplen = check.whole("record.snaplen", &record.snaplen, 64..=262_144)?;
        let connections = &self.file.limits.hep_connections;
        let connections = check.whole("limits.hep_connections", connections, 1..=65_536)?;
        let key = record.hep_key.as_ref().map(|key| check.filled("record.hep_key", key)).transpose()?;
        Ok(Options {
            interfaces: interfaces
                .map(|name| check.filled("record.interfaces", name))
                .collect::<Result<_, _>>()?,
            agents: agents.map(|address| check.address("record.hep", address)).collect::<Result<_, _>>()?,
            filter: record.filter.clone(),
            buffer_bytes: buffer.map_or(defaults.buffer_bytes, |mib| mib << 20),
            snaplen: snaplen.unwrap_or(defaults.snaplen),
            promiscuous: record.promiscuous.unwrap_or(defaults.promiscuous),
            time_stamps: record.time_stamp_type.map_or(defaults.time_stamps, Into::into),
            connections: connections.unwrap_or(defaults.connections),
            key: key.map(String::into_bytes),
        })
    }

    /// Where `record` serves its metrics, if anywhere.
    pub(crate) fn listen_of_record(&self) -> Result<Option<SocketAddr>, Problem> {
        let listen = self.file.record.listen.as_ref();
        listen.map(|address| self.checker().address("record.listen", address)).transpose()
    }

    /// How often `record` tests itself, if that is set; zero for never.
    pub(crate) fn selftest_interval(&self) -> Result<Option<Duration>, Problem> {
        let span = self.checker().span("record.selftest_s", &self.file.record.selftest_s, 0.0..=86_400.0)?;
        Ok(span.map(|span| Duration::from_nanos(span.as_ns().unsigned_abs())))
    }

    /// Whether `record` confines itself.
    pub(crate) fn confine(&self) -> bool {
        self.file.record.confine.unwrap_or(true)
    }

    /// Whether calls that go on may be heard.
    pub(crate) fn listeners(&self) -> bool {
        self.file.record.listeners.unwrap_or(false)
    }

    /// Where `serve` listens, if that is set.
    pub(crate) fn listen_of_serve(&self) -> Result<Option<SocketAddr>, Problem> {
        let listen = self.file.serve.listen.as_ref();
        listen.map(|address| self.checker().address("serve.listen", address)).transpose()
    }
}
