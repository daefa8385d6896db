//! Wrappings one in the other, held against who built them: whatever stands around a datagram, it is found with its
//! flow, and the path is what was put around it.

use clock::Time;
use flow::Path;
use proptest::prelude::*;

use crate::frames::*;
use crate::wrappers::{ALL, Form, Wrapper, framed, to_port};
use crate::{Decoded, Decoder, Limits, Link};

const AT: Time = Time::from_ns(1_000_000_000);
const VOICE: &[u8] = b"\x80\x00 twenty milliseconds of voice";

fn decoder() -> Decoder {
    Decoder::new(Limits::default())
}

/// What the path says, in words.
fn words(path: &Path) -> Vec<String> {
    path.wraps().map(|wrap| wrap.to_string()).collect()
}

/// What was put around, outermost first, as far as a path has room for it.
fn expected(mut around: Vec<String>) -> Vec<String> {
    around.truncate(6);
    around
}

/// Wraps `octets` from the inside out, and frames it at the end. What a wrapper takes is made where it is not there.
fn wrapped(packet: &[u8], layers: &[(Wrapper, u32)]) -> (Vec<u8>, Vec<String>) {
    let (mut octets, mut form, mut around) = (packet.to_vec(), Form::Packet, Vec::new());
    for (wrapper, number) in layers {
        match (form, wrapper.takes) {
            (Form::Packet, Form::Frame) => octets = framed(&octets),
            (Form::Frame, Form::Packet) => continue,
            _ => {}
        }
        let (outside, said) = (wrapper.wrap)(&octets, *number);
        around.splice(0..0, said);
        (octets, form) = (outside, wrapper.makes);
    }
    (if form == Form::Packet { framed(&octets) } else { octets }, around)
}

#[track_caller]
fn assert_finds(frame: &[u8], flow: flow::Flow, around: &[String]) {
    match decoder().decode(AT, Link::Ethernet, frame) {
        Decoded::Datagram(datagram) => {
            assert_eq!(words(datagram.path), expected(around.to_vec()));
            assert_eq!((datagram.payload, datagram.flow, datagram.truncated), (VOICE, flow, false));
            assert_eq!(datagram.path.has_more(), around.len() > 6);
        }
        other => panic!("{around:?}: {other:?}"),
    }
}

fn flow_of(packet: &[u8]) -> flow::Flow {
    match decoder().decode(AT, Link::RawIp, packet) {
        Decoded::Datagram(datagram) => datagram.flow,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_wrapping_is_opened() {
    for packet in [ipv4(UDP, &udp(VOICE)), ipv6(UDP, &udp(VOICE))] {
        for wrapper in ALL {
            for number in (0..16).chain([99, 100, 0x413, 4095, 0x1234_5678, u32::MAX]) {
                let (frame, around) = wrapped(&packet, &[(*wrapper, number)]);
                assert!(!around.is_empty(), "{}", wrapper.name);
                assert_finds(&frame, flow_of(&packet), &around);
            }
        }
    }
}

#[test]
fn every_wrapping_goes_in_every_other() {
    let packet = ipv4(UDP, &udp(VOICE));
    for inner in ALL {
        for outer in ALL {
            let (frame, around) = wrapped(&packet, &[(*inner, 0x35), (*outer, 0x22)]);
            assert_finds(&frame, flow_of(&packet), &around);
        }
    }
}

/// A tunnel that must guess whether it is one has as many tags to look behind as any.
#[test]
fn a_stack_of_tags_goes_in_every_wrapping() {
    let packet = ipv4(UDP, &udp(VOICE));
    let tags = ["vlan", "vntag", "pbb"].map(|name| ALL.iter().find(|one| one.name == name).copied());
    for tag in tags.into_iter().flatten() {
        for outer in ALL {
            let mut layers = vec![(tag, 0x35); DEEPEST - 1];
            layers.push((*outer, 0x22));
            let (frame, around) = wrapped(&packet, &layers);
            assert_finds(&frame, flow_of(&packet), &around);
        }
    }
}

/// A frame that ends anywhere gives what it holds of the payload, or says that it is too short to tell.
#[test]
fn a_wrapped_frame_cut_anywhere_gives_what_it_holds() {
    let payload: Vec<u8> = (0..100).collect();
    let packet = ipv4(UDP, &udp(&payload));
    for wrapper in ALL {
        for number in [6, 7, 0x400] {
            let (frame, _) = wrapped(&packet, &[(*wrapper, number)]);
            for length in 0..=frame.len() {
                match decoder().decode(AT, Link::Ethernet, &frame[..length]) {
                    Decoded::Datagram(datagram) if datagram.flow == flow_of(&packet) => {
                        let held = payload.len().saturating_sub(frame.len() - length);
                        assert_eq!(datagram.payload, &payload[..held], "{} {length}", wrapper.name);
                        assert_eq!(datagram.truncated, length < frame.len());
                    }
                    // Where too little is left of what a tunnel over UDP holds, it is a datagram itself.
                    Decoded::Datagram(datagram) => {
                        let is_udp =
                            ["vxlan", "vxlan_gpe", "geneve", "gtp", "gtp_extended", "l2tp", "l2tp3", "tzsp"];
                        assert!(
                            is_udp.contains(&wrapper.name) && datagram.truncated,
                            "{} {length}",
                            wrapper.name
                        );
                    }
                    Decoded::Undecodable(_) | Decoded::Other(_) => {
                        assert!(length < frame.len() - payload.len(), "{} {length}", wrapper.name);
                    }
                    other => panic!("{} {length}: {other:?}", wrapper.name),
                }
            }
        }
    }
}

/// Ports are no proof: voice may go to any of them.
#[test]
fn a_datagram_at_a_tunnels_port_stays_one() {
    let mut voice = vec![0x80, 0, 0, 1, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef];
    voice.extend(vec![0xd5; 160]);
    let invite = b"INVITE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10\r\n\r\n".to_vec();
    // What sets tunnels up, and headers with something else behind.
    let echo_request = vec![0x32, 1, 0, 4, 0, 0, 0, 0, 0, 9, 0, 0];
    let control = vec![0xc8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0];
    let vxlan_of_nothing = joined(&[&[8, 0, 0, 0, 0, 0, 1, 0], &[0x45; 60]]);
    let gtp_of_nothing = joined(&[&[0x30, 0xff, 0, 60, 0, 0, 1, 0], &[0x81; 60]]);
    let keep_alive = vec![1, 4, 0, 1, 1];
    for port in [1701, 2152, 4789, 4790, 6081, 8472, 37008] {
        for payload in [
            &voice,
            &invite,
            &echo_request,
            &control,
            &vxlan_of_nothing,
            &gtp_of_nothing,
            &keep_alive,
            &Vec::new(),
        ] {
            let frame = framed(&ipv4(UDP, &to_port(port, payload)));
            match decoder().decode(AT, Link::Ethernet, &frame) {
                Decoded::Datagram(datagram) => {
                    assert_eq!((datagram.payload, datagram.flow.destination.port), (&payload[..], port));
                    assert!(datagram.path.is_empty());
                }
                other => panic!("{port} {payload:x?}: {other:?}"),
            }
        }
    }
}

/// An answer of L2TP goes from its port to any.
#[test]
fn an_answer_of_l2tp_is_opened() {
    let packet = ipv4(UDP, &udp(VOICE));
    let mut datagram = udp(&joined(&[&[0, 2, 0, 1, 0, 2, 0, 0x21], &packet]));
    set(&mut datagram, 0, 1701);
    assert_finds(&framed(&ipv4(UDP, &datagram)), flow_of(&packet), &["l2tp 2".into()]);
}

fn any_layers(most: usize) -> impl Strategy<Value = Vec<(Wrapper, u32)>> {
    let layer = (0..ALL.len(), any::<u32>()).prop_map(|(at, number)| (ALL[at], number));
    prop::collection::vec(layer, 0..=most)
}

/// A wrapping takes three steps at the most, and what is inside two.
const DEEPEST: usize = 8;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_datagram_is_found_in_any_stack(layers in any_layers(DEEPEST), v6: bool) {
        let packet = if v6 { ipv6(UDP, &udp(VOICE)) } else { ipv4(UDP, &udp(VOICE)) };
        let (frame, around) = wrapped(&packet, &layers);
        assert_finds(&frame, flow_of(&packet), &around);
    }

    /// Fragments of the outside and of the inside, both, in any order.
    #[test]
    fn fragments_come_together_in_any_stack(
        inner in any_layers(2),
        outer in any_layers(2),
        cut in 1..6usize,
        (reverse, both) in any::<(bool, bool)>(),
    ) {
        let datagram = udp(&VOICE.repeat(8));
        let packet = ipv4(UDP, &datagram);
        let pieces: Vec<Vec<u8>> = [0..cut * 24, cut * 24..datagram.len()]
            .map(|part| wrapped(&ipv4_fragment(9, UDP, &datagram, part), &inner).0)
            .to_vec();
        // Around each piece, which is a frame now: a tunnel that is fragmented itself.
        let mut frames = Vec::new();
        for (id, piece) in (1..).zip(&pieces) {
            let tunnelled = joined(&[&[0, 0, 0x65, 0x58], piece]);
            let half = if both { (tunnelled.len() / 16) * 8 } else { 0 };
            for part in [0..half, half..tunnelled.len()].into_iter().filter(|part| !part.is_empty()) {
                frames.push(wrapped(&ipv4_fragment(id, 47, &tunnelled, part), &outer).0);
            }
        }
        if reverse {
            frames.reverse();
        }
        let mut decoder = decoder();
        let mut found = Vec::new();
        for frame in &frames {
            match decoder.decode(AT, Link::Ethernet, frame) {
                Decoded::Held => {}
                Decoded::Datagram(datagram) => {
                    found.push((datagram.payload.to_vec(), datagram.flow, words(datagram.path)));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert_eq!(found.len(), 1);
        let around = [wrapped(&packet, &outer).1, vec!["gre".into()], wrapped(&packet, &inner).1].concat();
        prop_assert_eq!(&found[0], &(VOICE.repeat(8), flow_of(&packet), expected(around)));
        prop_assert_eq!(decoder.fragments().waiting, 0);
    }
}
