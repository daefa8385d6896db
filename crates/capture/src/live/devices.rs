//! The interfaces of this machine.

use crate::live::error::LiveError;

/// An interface that can be captured on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// What it is, in words, where that is known.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whether it is up.
    pub up: bool,
}

/// Every interface that can be captured on.
///
/// # Errors
/// Where the system does not tell.
pub fn devices() -> Result<Vec<Device>, LiveError> {
    let listed = pcap::Device::list().map_err(|source| LiveError::Devices { source })?;
    let device = |device: pcap::Device| Device {
        up: device.flags.is_up(),
        addresses: device.addresses.iter().map(|address| address.addr.to_string()).collect(),
        name: device.name,
        description: device.desc,
    };
    // Besides interfaces, libpcap offers sources that carry no network traffic.
    let is_network = |device: &Device| !NO_NETWORK.iter().any(|prefix| device.name.starts_with(prefix));
    Ok(listed.into_iter().map(device).filter(is_network).collect())
}

const NO_NETWORK: [&str; 4] = ["nflog", "nfqueue", "bluetooth", "dbus-"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_among_them() {
        let devices = devices().unwrap();
        let loopback = devices.iter().find(|device| device.name == "lo").expect("every Linux has one");
        assert!(loopback.addresses.iter().all(|address| address == "127.0.0.1" || address == "::1"));
        assert!(devices.iter().any(|device| device.name == "any"));
    }
}
