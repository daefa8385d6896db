//! `[limits]`: how much of the network's may be held at once. Nothing here may be zero: that would hold nothing.

use super::{Config, Problem};

const MIB: i64 = 1 << 20;
const TIB: i64 = 1 << 40;
/// What their table can number.
const MOST_DUPLICATES: i64 = u32::MAX as i64 / 2;

impl Config {
    /// What a tracker holds, and how long it waits.
    pub(crate) fn call_config(&self) -> Result<call::Config, Problem> {
        let (check, limits) = (self.checker(), &self.file.limits);
        let mut config = call::Config { patience: self.patience()?, ..call::Config::default() };
        let streams = &mut config.streams;
        for (key, set, value, most) in [
            ("limits.calls", &limits.calls, &mut config.calls, 10_000_000),
            ("limits.streams", &limits.streams, &mut streams.streams, 100_000_000),
            ("limits.packets", &limits.packets, &mut streams.packets, 100_000_000_000),
        ] {
            *value = check.whole(key, set, 1..=most)?.unwrap_or(*value);
        }
        for (key, set, value) in [
            ("limits.signalling_bytes", &limits.signalling_bytes, &mut config.signalling_bytes),
            ("limits.copied_bytes", &limits.copied_bytes, &mut streams.copied_bytes),
        ] {
            *value = check.bytes(key, set, MIB..=TIB)?.unwrap_or(*value);
        }
        let look_back = check.span("limits.look_back_s", &limits.look_back_s, 0.1..=3600.0)?;
        streams.look_back = look_back.unwrap_or(streams.look_back);
        Ok(config)
    }

    /// How calls are linked: by the headers of the command line, else by those of the file.
    pub(crate) fn links(&self, headers: &[String]) -> Result<call::Links, Problem> {
        let (check, limits) = (self.checker(), &self.file.limits);
        let mut links = call::Links::default();
        let named = self.file.links.headers.iter().flatten();
        let named = named.map(|name| check.header("links.headers", name)).collect::<Result<Vec<_>, _>>()?;
        links.headers = if headers.is_empty() { named } else { headers.to_vec() };
        for (key, set, value) in [
            ("limits.linked_calls", &limits.linked_calls, &mut links.calls),
            ("limits.linked_payloads", &limits.linked_payloads, &mut links.payloads),
        ] {
            *value = check.whole(key, set, 1..=1_000_000_000)?.unwrap_or(*value);
        }
        let bytes = check.bytes("limits.linked_bytes", &limits.linked_bytes, MIB..=TIB)?;
        links.bytes = bytes.unwrap_or(links.bytes);
        Ok(links)
    }

    /// How many connections are followed, and what waits in them.
    pub(crate) fn tcp_limits(&self) -> Result<wire::tcp::Limits, Problem> {
        let (check, limits) = (self.checker(), &self.file.limits);
        let mut tcp = wire::tcp::Limits::default();
        let connections = check.whole("limits.tcp_connections", &limits.tcp_connections, 1..=10_000_000)?;
        let bytes = check.bytes("limits.tcp_bytes", &limits.tcp_bytes, MIB..=TIB)?;
        tcp.connections = connections.unwrap_or(tcp.connections);
        tcp.bytes = bytes.unwrap_or(tcp.bytes);
        Ok(tcp)
    }

    /// What waits on the way to a datagram.
    pub(crate) fn wire_limits(&self) -> Result<wire::Limits, Problem> {
        let (check, limits) = (self.checker(), &self.file.limits);
        let mut wire = wire::Limits::default();
        let packets = check.whole("limits.fragmented_packets", &limits.fragmented_packets, 1..=10_000_000)?;
        // Less than a packet's worth would refuse what is in order.
        let bytes = check.bytes("limits.fragment_bytes", &limits.fragment_bytes, MIB..=TIB)?;
        let timeout = check.span("limits.fragment_s", &limits.fragment_s, 0.1..=3600.0)?;
        let duplicates = check.whole("limits.duplicates", &limits.duplicates, 1..=MOST_DUPLICATES)?;
        let window = check.span("limits.duplicate_s", &limits.duplicate_s, 0.001..=10.0)?;
        wire.duplicates = duplicates.unwrap_or(wire.duplicates);
        wire.duplicate_window = window.unwrap_or(wire.duplicate_window);
        wire.packets = packets.unwrap_or(wire.packets);
        wire.bytes = bytes.unwrap_or(wire.bytes);
        wire.timeout = timeout.unwrap_or(wire.timeout);
        let duplicates = check.whole("limits.duplicates", &limits.duplicates, 1..=1_000_000_000)?;
        let window = check.span("limits.duplicate_s", &limits.duplicate_s, 0.001..=10.0)?;
        wire.duplicates = duplicates.unwrap_or(wire.duplicates);
        wire.duplicate_window = window.unwrap_or(wire.duplicate_window);
        Ok(wire)
    }
}
