//! Wrappings for the tests, built octet by octet and without the code that they test: what each puts around a packet or
//! a frame, and what the path must say of it.

use crate::frames::*;

/// What a wrapping takes, and what it makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// An IP packet.
    Packet,
    /// An Ethernet frame.
    Frame,
}

/// One way to wrap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrapper {
    pub name: &'static str,
    pub takes: Form,
    pub makes: Form,
    /// Gives the outside, and what the path says; `number` is any.
    #[expect(clippy::type_complexity, reason = "octets, and words about them")]
    pub wrap: fn(&[u8], u32) -> (Vec<u8>, Vec<String>),
}

pub(crate) const ALL: &[Wrapper] = &[
    Wrapper { name: "vlan", takes: Form::Frame, makes: Form::Frame, wrap: vlan },
    Wrapper { name: "vntag", takes: Form::Frame, makes: Form::Frame, wrap: vn },
    Wrapper { name: "pbb", takes: Form::Frame, makes: Form::Frame, wrap: pbb },
    Wrapper { name: "mpls", takes: Form::Packet, makes: Form::Frame, wrap: mpls },
    Wrapper { name: "pseudowire", takes: Form::Frame, makes: Form::Frame, wrap: pseudowire },
    Wrapper { name: "pppoe", takes: Form::Packet, makes: Form::Frame, wrap: pppoe },
    Wrapper { name: "gre", takes: Form::Packet, makes: Form::Packet, wrap: gre },
    Wrapper { name: "gre_all", takes: Form::Packet, makes: Form::Packet, wrap: gre_all },
    Wrapper { name: "gre_bridged", takes: Form::Frame, makes: Form::Packet, wrap: gre_bridged },
    Wrapper { name: "pptp", takes: Form::Packet, makes: Form::Packet, wrap: pptp },
    Wrapper { name: "erspan1", takes: Form::Frame, makes: Form::Packet, wrap: erspan1 },
    Wrapper { name: "erspan2", takes: Form::Frame, makes: Form::Packet, wrap: erspan2 },
    Wrapper { name: "erspan3", takes: Form::Frame, makes: Form::Packet, wrap: erspan3 },
    Wrapper { name: "ipip", takes: Form::Packet, makes: Form::Packet, wrap: ipip },
    Wrapper { name: "etherip", takes: Form::Frame, makes: Form::Packet, wrap: etherip },
    Wrapper { name: "vxlan", takes: Form::Frame, makes: Form::Packet, wrap: vxlan },
    Wrapper { name: "vxlan_gpe", takes: Form::Packet, makes: Form::Packet, wrap: vxlan_gpe },
    Wrapper { name: "geneve", takes: Form::Frame, makes: Form::Packet, wrap: geneve },
    Wrapper { name: "gtp", takes: Form::Packet, makes: Form::Packet, wrap: gtp },
    Wrapper { name: "gtp_extended", takes: Form::Packet, makes: Form::Packet, wrap: gtp_extended },
    Wrapper { name: "l2tp", takes: Form::Packet, makes: Form::Packet, wrap: l2tp },
    Wrapper { name: "l2tp3", takes: Form::Frame, makes: Form::Packet, wrap: l2tp3 },
    Wrapper { name: "tzsp", takes: Form::Frame, makes: Form::Packet, wrap: tzsp },
];

/// A frame around a packet, without anything between.
pub(crate) fn framed(packet: &[u8]) -> Vec<u8> {
    ethernet(ether_type(packet), packet)
}

fn ether_type(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 6 { 0x86dd } else { 0x0800 }
}

/// IPv4 or IPv6, by the number.
fn ip(protocol: u8, payload: &[u8], number: u32) -> Vec<u8> {
    if number.is_multiple_of(3) { ipv6(protocol, payload) } else { ipv4(protocol, payload) }
}

/// A datagram from a port of no meaning to `port`.
pub(crate) fn to_port(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = udp(payload);
    set(&mut datagram, 2, usize::from(port));
    datagram
}

fn one(name: &str, number: u32) -> Vec<String> {
    vec![format!("{name} {number}")]
}

fn network(number: u32) -> ([u8; 4], u32) {
    let number = number & 0xff_ffff;
    ((number << 8).to_be_bytes(), number)
}

/// Puts `tag` between a frame's addresses and its type.
fn between(frame: &[u8], tag: &[u8]) -> Vec<u8> {
    joined(&[&frame[..12], tag, &frame[12..]])
}

fn vlan(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let id = number as u16 & 0x0fff;
    let types = [[0x81, 0], [0x88, 0xa8], [0x91, 0], [0x92, 0]];
    let tag = joined(&[&types[number as usize % 4], &(id | 0xa000).to_be_bytes()]);
    (between(frame, &tag), one("vlan", id.into()))
}

fn vn(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let interface = number as u16 & 0x0fff;
    let to_station = joined(&[&[0x89, 0x26], &(interface | 0x8000).to_be_bytes(), &[0, 0]]);
    let from_station = joined(&[&[0x89, 0x26, 0, 0], &interface.to_be_bytes()]);
    let tag = if number & 0x1000 == 0 { to_station } else { from_station };
    (between(frame, &tag), one("vntag", interface.into()))
}

fn pbb(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let service = number & 0xff_ffff;
    (ethernet(0x88e7, &joined(&[&service.to_be_bytes(), frame])), one("pbb", service))
}

fn label(number: u32, bottom: u32) -> [u8; 4] {
    (((number & 0xf_ffff) << 12) | (bottom << 8) | 64).to_be_bytes()
}

fn mpls(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let number = number & 0xf_ffff;
    (ethernet(0x8847, &joined(&[&label(number, 1), packet])), one("mpls", number))
}

fn pseudowire(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let number = number & 0xf_ffff;
    let control_word: &[u8] = if number & 1 == 0 { &[] } else { &[0, 0, 0, 1] };
    let stack = joined(&[&label(16, 0), &label(number, 1), control_word, frame]);
    (ethernet(0x8847, &stack), vec!["mpls 16".into(), format!("mpls {number}")])
}

fn pppoe(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let session = number as u16;
    let mut header = [0x11, 0, 0, 0, 0, 0];
    set(&mut header, 2, session.into());
    set(&mut header, 4, 2 + packet.len());
    let protocol = if ether_type(packet) == 0x0800 { [0, 0x21] } else { [0, 0x57] };
    (ethernet(0x8864, &joined(&[&header, &protocol, packet])), one("pppoe", session.into()))
}

fn gre(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let inner = joined(&[&[0, 0], &ether_type(packet).to_be_bytes(), packet]);
    (ip(47, &inner, number), vec!["gre".into()])
}

/// Checksum, key and sequence number.
fn gre_all(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let key = number.to_be_bytes();
    let head = joined(&[&[0xb0, 0], &ether_type(packet).to_be_bytes(), &[1, 2, 0, 0], &key, &[0, 0, 0, 9]]);
    (ip(47, &joined(&[&head, packet]), number), one("gre", number))
}

fn gre_bridged(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let inner = joined(&[&[0x20, 0, 0x65, 0x58], &number.to_be_bytes(), frame]);
    (ip(47, &inner, number), one("gre", number))
}

/// With a sequence number, and with an acknowledgment or without; the protocol in one octet or two.
fn pptp(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let call = number as u16;
    let protocol = if ether_type(packet) == 0x0800 { 0x21 } else { 0x57 };
    let ppp = match number % 3 {
        0 => joined(&[&[0xff, 3, 0, protocol], packet]),
        1 => joined(&[&[0, protocol], packet]),
        _ => joined(&[&[protocol], packet]),
    };
    let (acknowledges, acknowledgment): (u8, &[u8]) =
        if number.is_multiple_of(2) { (0x81, &[0, 0, 0, 4]) } else { (1, &[]) };
    let mut head = [0x30, acknowledges, 0x88, 0x0b, 0, 0, 0, 0, 0, 0, 0, 5];
    set(&mut head, 4, ppp.len());
    set(&mut head, 6, call.into());
    (ipv4(47, &joined(&[&head, acknowledgment, &ppp])), one("pptp", call.into()))
}

fn erspan1(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    (ip(47, &joined(&[&[0, 0, 0x88, 0xbe], frame]), number), vec!["erspan".into()])
}

fn erspan2(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let session = number as u16 & 0x03ff;
    let mut head = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 100, 0, 0, 0, 0, 0, 7];
    set(&mut head, 10, usize::from(session | 0x1800));
    (ip(47, &joined(&[&head, frame]), number), one("erspan", session.into()))
}

/// With the platform's subheader or without.
fn erspan3(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let session = number as u16 & 0x03ff;
    let (last, subheader): (u8, &[u8]) = if number & 0x400 == 0 { (0, &[]) } else { (1, &[0x14; 8]) };
    let mut head = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 100, 0, 0, 1, 2, 3, 4, 0, 0, 0x80, last];
    set(&mut head, 10, usize::from(session));
    (ip(47, &joined(&[&head, subheader, frame]), number), one("erspan", session.into()))
}

fn ipip(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let protocol = if ether_type(packet) == 0x0800 { 4 } else { 41 };
    (ip(protocol, packet, number), vec!["ipip".into()])
}

fn etherip(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    (ip(97, &joined(&[&[0x30, 0], frame]), number), vec!["etherip".into()])
}

/// At either port, with a policy group or without.
fn vxlan(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let (network, id) = network(number);
    let port = if number.is_multiple_of(2) { 4789 } else { 8472 };
    let flags = if number.is_multiple_of(5) { [0x88, 0, 1, 2] } else { [8, 0, 0, 0] };
    (ip(UDP, &to_port(port, &joined(&[&flags, &network, frame])), number), one("vxlan", id))
}

/// With the flag that names a protocol, and as those send it that forget it.
fn vxlan_gpe(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let (network, id) = network(number);
    let protocol = if ether_type(packet) == 0x0800 { 1 } else { 2 };
    let flags = if number.is_multiple_of(2) { 0x0c } else { 0x08 };
    let datagram = to_port(4790, &joined(&[&[flags, 0, 0, protocol], &network, packet]));
    (ip(UDP, &datagram, number), one("vxlan", id))
}

/// With up to three words of options.
fn geneve(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let (network, id) = network(number);
    let words = number as u8 & 3;
    let options = vec![0x42; usize::from(words) * 4];
    let datagram = to_port(6081, &joined(&[&[words, 0x40, 0x65, 0x58], &network, &options, frame]));
    (ip(UDP, &datagram, number), one("geneve", id))
}

fn gtp(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let mut head = [0x30, 0xff, 0, 0];
    set(&mut head, 2, packet.len());
    let datagram = to_port(2152, &joined(&[&head, &number.to_be_bytes(), packet]));
    (ip(UDP, &datagram, number), one("gtp", number))
}

/// A sequence number and two extension headers: of one word, and of two.
fn gtp_extended(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let optional = [0, 9, 0, 0x85, 1, 0, 9, 0xc0, 2, 1, 2, 3, 4, 5, 6, 0];
    let mut head = [0x36, 0xff, 0, 0];
    set(&mut head, 2, packet.len() + optional.len());
    let datagram = to_port(2152, &joined(&[&head, &number.to_be_bytes(), &optional, packet]));
    (ip(UDP, &datagram, number), one("gtp", number))
}

/// With length, sequence numbers and offset, or with nothing.
fn l2tp(packet: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let session = number as u16;
    let protocol = if ether_type(packet) == 0x0800 { 0x21 } else { 0x57 };
    let ppp = joined(&[&[0xff, 3, 0, protocol], packet]);
    let ids = joined(&[&[0, 42], &session.to_be_bytes()]);
    let payload = if number.is_multiple_of(2) {
        let mut length = [0; 2];
        set(&mut length, 0, 4 + 4 + 4 + 2 + 3 + ppp.len());
        joined(&[&[0x4a, 2], &length, &ids, &[0, 1, 0, 2, 0, 3, 0xaa, 0xaa, 0xaa], &ppp])
    } else {
        joined(&[&[0, 2], &ids, &ppp])
    };
    (ip(UDP, &to_port(1701, &payload), number), one("l2tp", session.into()))
}

/// Over IP or over UDP, with cookies and sublayers of each length.
fn l2tp3(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let session = number.max(1);
    let between = vec![0x5a; [0, 4, 8, 12][number as usize % 4]];
    let payload = joined(&[&session.to_be_bytes(), &between, frame]);
    let packet = if number & 4 == 0 {
        ip(115, &payload, number)
    } else {
        ip(UDP, &to_port(1701, &joined(&[&[0, 3, 0, 0], &payload])), number)
    };
    (packet, one("l2tp", session))
}

fn tzsp(frame: &[u8], number: u32) -> (Vec<u8>, Vec<String>) {
    let payload = joined(&[&[1, 0, 0, 1, 0, 10, 2, 0xd0, 0xd1, 1], frame]);
    (ip(UDP, &to_port(37008, &payload), number), vec!["tzsp".into()])
}
