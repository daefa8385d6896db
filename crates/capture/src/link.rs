//! The numbers of link types: LINKTYPE_ in files, DLT_ in libpcap and on interfaces. They differ for a few.

/// LINKTYPE_RAW: an IP packet of either version and nothing before it.
pub(crate) const RAW: u32 = 101;

/// The link type of a classic file's header: the lower 16 bits of its last field. Above them stands how long the frame
/// check sequence is that each frame ends with.
pub(crate) fn of_header(network: u32) -> u32 {
    of_dlt(network & 0xffff)
}

/// The LINKTYPE_ number of what libpcap calls `dlt` on Linux.
///
/// Numbers that are no LINKTYPE_ are found in files too: some programs write their system's DLT_RAW as it is (12, on
/// OpenBSD 14).
pub(crate) fn of_dlt(dlt: u32) -> u32 {
    match dlt {
        11 => 100,
        12 | 14 => RAW,
        13 => 102,
        18 => 246,
        19 => 106,
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_type_from_below_the_check_sequence_bits() {
        assert_eq!(of_header(0x5400_0001), 1);
        assert_eq!(of_header(276), 276);
    }

    #[test]
    fn numbers_raw_ip_as_the_registry_does() {
        assert_eq!(of_header(12), RAW);
        assert_eq!(of_dlt(12), RAW);
        assert_eq!(of_dlt(113), 113);
    }
}
