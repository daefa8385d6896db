//! Any bytes as a HEP packet and as a connection of them: what comes out lies within its bounds, the packets of a
//! connection do not depend on how its bytes were cut, and the IP packet made of a datagram gives that datagram again.
//! The first octet says in what pieces the bytes come.
#![no_main]

use clock::Time;
use hep::{Framer, Reader};
use libfuzzer_sys::fuzz_target;
use wire::{Decoded, Decoder, Limits, Link};

fuzz_target!(|bytes: &[u8]| {
    let Some((&piece, bytes)) = bytes.split_first() else { return };
    read(bytes);
    let whole = packets(bytes, bytes.len().max(1));
    assert_eq!(packets(bytes, usize::from(piece).max(1)), whole);
    whole.0.iter().for_each(|packet| read(packet));
});

fn read(bytes: &[u8]) {
    let mut reader = Reader::default();
    let Ok(datagram) = reader.read(bytes) else { return };
    assert!((1..=65_507).contains(&datagram.payload.len()));
    let mut packet = Vec::new();
    hep::raw_ip(datagram.flow, datagram.payload, &mut packet);
    match Decoder::new(Limits::default()).decode(Time::default(), Link::RawIp, &packet) {
        Decoded::Datagram(again) => {
            assert_eq!((again.flow, again.payload), (datagram.flow, datagram.payload));
            assert!(!again.truncated);
        }
        other => panic!("an IP packet that was built is read: {other:?}"),
    }
}

/// The packets of a connection whose bytes come in such pieces, and how many bytes belonged to none.
fn packets(bytes: &[u8], piece: usize) -> (Vec<Vec<u8>>, u64) {
    let (mut framer, mut packets) = (Framer::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        framer.push(piece);
        while let Some(packet) = framer.next_packet() {
            packets.push(packet.to_vec());
        }
    }
    (packets, framer.skipped())
}
