//! Packed payloads: zlib (RFC 1950) or gzip (RFC 1952), no more of it than a datagram can hold.

use std::io::{self, Read};

use flate2::bufread::{GzDecoder, ZlibDecoder};

use crate::refused::Refused;

/// What a UDP datagram over IPv4 can carry: 65 535 less 20 of IP and 8 of UDP.
pub(crate) const LARGEST_PAYLOAD: usize = 65_507;

/// Unpacks `packed` into `payload`, in place of what was in it.
pub(crate) fn inflate(packed: &[u8], payload: &mut Vec<u8>) -> Result<(), Refused> {
    payload.clear();
    let unpacked = match packed {
        [0x1f, 0x8b, ..] => take(GzDecoder::new(packed), payload),
        _ => take(ZlibDecoder::new(packed), payload),
    };
    match unpacked {
        Ok(_) if payload.len() > LARGEST_PAYLOAD => Err(Refused::TooLarge),
        Ok(_) => Ok(()),
        Err(_) => Err(Refused::Packed),
    }
}

/// One byte more than fits shows that it does not.
fn take(source: impl Read, payload: &mut Vec<u8>) -> io::Result<usize> {
    source.take(LARGEST_PAYLOAD as u64 + 1).read_to_end(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::bufread::{GzEncoder, ZlibEncoder};

    fn packed(bytes: &[u8], gzip: bool) -> Vec<u8> {
        let mut packed = Vec::new();
        let level = Compression::default();
        match gzip {
            true => GzEncoder::new(bytes, level).read_to_end(&mut packed).unwrap(),
            false => ZlibEncoder::new(bytes, level).read_to_end(&mut packed).unwrap(),
        };
        packed
    }

    #[test]
    fn unpacks_both_ways_of_packing() {
        let mut payload = b"before".to_vec();
        for gzip in [false, true] {
            assert_eq!(inflate(&packed(b"INVITE sip:b@x SIP/2.0", gzip), &mut payload), Ok(()));
            assert_eq!(payload, b"INVITE sip:b@x SIP/2.0");
        }
    }

    #[test]
    fn a_bomb_is_refused_when_it_is_larger_than_a_datagram() {
        let mut payload = Vec::new();
        assert_eq!(inflate(&packed(&vec![0; LARGEST_PAYLOAD], false), &mut payload), Ok(()));
        for size in [LARGEST_PAYLOAD + 1, 100 << 20] {
            assert_eq!(inflate(&packed(&vec![0; size], false), &mut payload), Err(Refused::TooLarge));
            assert!(payload.len() <= LARGEST_PAYLOAD + 1);
        }
    }

    #[test]
    fn damage_is_refused() {
        let (mut payload, good) = (Vec::new(), packed(&[7; 1000], false));
        for bytes in [&b""[..], b"plain text", &good[..good.len() - 5], b"\x1f\x8b", b"\x1f\x8b\x08\0"] {
            assert_eq!(inflate(bytes, &mut payload), Err(Refused::Packed), "{bytes:?}");
        }
    }
}
