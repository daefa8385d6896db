//! A filter in tcpdump's words, applied to frames of any link type by libpcap's own program.

use pcap::{BpfProgram, Capture, Linktype};

use crate::link;
use crate::widening::Widening;

/// Ethernet, then others that a filter may be meant for: Linux cooked, raw IP, IEEE 802.11.
const LIKELY: [u32; 6] = [1, 113, 276, 101, 127, 105];
/// Frames of more link types than any input has are not filtered.
const MOST_LINKS: usize = 64;

/// A filter that libpcap does not take.
#[derive(Debug, thiserror::Error)]
#[error("the filter {filter:?} does not compile{}: {reason}", Among(*link))]
pub struct FilterError {
    filter: String,
    /// The link type that it was compiled for, where it compiles for others.
    link: Option<u32>,
    /// What libpcap says.
    reason: pcap::Error,
}

struct Among(Option<u32>);

impl std::fmt::Display for Among {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |link| write!(f, " for frames of link type {link}, which all pass"))
    }
}

/// Which frames are let in.
///
/// It lets trailing fragments and tagged frames in where the words alone would not: [`Filter::read_as`].
pub struct Filter {
    text: String,
    widening: Widening,
    /// The program of each link type that was met; `None` where there is none.
    programs: Vec<(u32, Option<BpfProgram>)>,
    refused: Vec<FilterError>,
}

impl Filter {
    /// The filter of those words. It fails where no link type can be found that they make sense for.
    pub fn new(text: &str) -> Result<Filter, FilterError> {
        let widening = Widening::of(text);
        let (mut programs, refused) = (Vec::new(), Vec::new());
        let mut first = None;
        for link in LIKELY {
            match compile(text, link).and_then(|_| compile_widened(&widening, link)) {
                Ok(program) => {
                    programs.push((link, Some(program)));
                    return Ok(Filter { text: text.to_owned(), widening, programs, refused });
                }
                Err(reason) => first = first.or(Some(reason)),
            }
        }
        let reason = first.unwrap_or(pcap::Error::InvalidString);
        Err(FilterError { filter: text.to_owned(), link: None, reason })
    }

    /// What it is read as where that is more than its words say.
    #[must_use]
    pub fn read_as(&self) -> Option<&str> {
        (self.widening.tagged != self.text.trim()).then_some(self.widening.tagged.as_str())
    }

    /// Whether a frame of the link type `link` is let in. All are where the filter makes no sense for the link type,
    /// which [`Filter::poll_refused`] tells.
    pub fn admits(&mut self, link: u32, frame: &[u8]) -> bool {
        if let Some((_, program)) = self.programs.iter().find(|(known, _)| *known == link) {
            return program.as_ref().is_none_or(|program| program.filter(frame));
        }
        self.meet(link);
        self.programs.len() >= MOST_LINKS || self.admits(link, frame)
    }

    /// The next link type for which it does not compile.
    pub fn poll_refused(&mut self) -> Option<FilterError> {
        self.refused.pop()
    }

    #[cold]
    fn meet(&mut self, link: u32) {
        if self.programs.len() >= MOST_LINKS {
            return;
        }
        let program = compile_widened(&self.widening, link);
        let program = program.map_err(|reason| {
            self.refused.push(FilterError { filter: self.text.clone(), link: Some(link), reason });
        });
        self.programs.push((link, program.ok()));
    }
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").field("text", &self.text).finish_non_exhaustive()
    }
}

/// With tags where libpcap knows them of the link type, and without them where it does not.
fn compile_widened(widening: &Widening, link: u32) -> Result<BpfProgram, pcap::Error> {
    compile(&widening.tagged, link).or_else(|_| compile(&widening.untagged, link))
}

fn compile(text: &str, link: u32) -> Result<BpfProgram, pcap::Error> {
    let dlt = i32::try_from(link::to_dlt(link)).unwrap_or(i32::MAX);
    Capture::dead(Linktype(dlt))?.compile(text, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UDP from 10.0.0.1 to 10.0.0.2 and `port`, or a later fragment of such a datagram.
    fn packet(port: u16, offset: u16) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        packet[6..8].copy_from_slice(&offset.to_be_bytes());
        let datagram =
            if offset == 0 { [[5, 6], port.to_be_bytes(), [0, 12], [0, 0]] } else { [[0xee; 2]; 4] };
        packet.extend(datagram.concat());
        packet.extend([0; 4]);
        packet
    }

    /// The same in IPv6, in a fragment with that offset.
    fn packet_v6(offset: u16) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 20, 44, 64];
        packet.extend([0x20; 32]);
        packet.extend([17, 0]);
        packet.extend((offset << 3).to_be_bytes());
        packet.extend([0, 0, 0, 1]);
        packet.extend([0; 12]);
        packet
    }

    fn ethernet(tags: usize, packet: &[u8]) -> Vec<u8> {
        let kinds = [[0x88, 0xa8], [0x81, 0]];
        let mut frame = vec![2; 12];
        kinds[2 - tags..].iter().for_each(|kind| frame.extend([kind[0], kind[1], 0, 100]));
        frame.extend(if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] });
        frame.extend(packet);
        frame
    }

    fn admits(filter: &str, link: u32, frame: &[u8]) -> bool {
        let mut filter = Filter::new(filter).unwrap();
        let admits = filter.admits(link, frame);
        assert!(filter.poll_refused().is_none());
        admits
    }

    #[test]
    fn ports_keep_fragments_and_tagged_frames() {
        for filter in [
            "port 5060",
            "udp port 5060 and host 10.0.0.1",
            "udp portrange 5060-5061",
            "not port 9",
            "port 5060 or (vlan and port 5060)",
            "udp[2:2] = 5060",
        ] {
            let knows_one_tag = filter.contains("vlan");
            for tags in 0..=2 {
                if knows_one_tag && tags == 2 {
                    continue;
                }
                for packet in [packet(5060, 0), packet(5060, 185), packet_v6(0), packet_v6(185)] {
                    assert!(admits(filter, 1, &ethernet(tags, &packet)), "{filter:?} {tags} {packet:x?}");
                }
                assert!(
                    filter.starts_with("not") || !admits(filter, 1, &ethernet(tags, &packet(99, 0))),
                    "{filter:?}"
                );
            }
            if knows_one_tag {
                continue;
            }
            assert!(admits(filter, 101, &packet(5060, 185)), "{filter:?}");
            assert!(filter.starts_with("not") || !admits(filter, 101, &packet(99, 0)), "{filter:?}");
        }
    }

    #[test]
    fn what_libpcap_does_with_the_words_alone() {
        let alone = |filter: &str, frame: &[u8]| compile(filter, 1).unwrap().filter(frame);
        assert!(!alone("port 5060", &ethernet(0, &packet(5060, 185))));
        assert!(!alone("udp", &ethernet(1, &packet(5060, 0))));
        assert!(!alone("(vlan and udp) or udp", &ethernet(0, &packet(5060, 0))));
    }

    #[test]
    fn hosts_keep_tagged_frames_and_no_others() {
        for tags in 0..=2 {
            assert!(admits("host 10.0.0.1", 1, &ethernet(tags, &packet(9, 0))));
            assert!(!admits("host 10.9.9.9", 1, &ethernet(tags, &packet(9, 185))));
        }
        assert!(!admits("vlan 7", 1, &ethernet(1, &packet(9, 0))));
        assert!(!admits("vlan 100 and port 5060", 1, &ethernet(0, &packet(5060, 0))));
    }

    #[test]
    fn cooked_and_raw_link_types_are_filtered_too() {
        let sll = [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0], &packet(5060, 0)[..]].concat();
        assert!(admits("port 5060", 113, &sll) && !admits("port 5061", 113, &sll));
        let sll2 =
            [&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0], &packet(5060, 0)[..]].concat();
        assert!(admits("port 5060", 276, &sll2) && !admits("port 5061", 276, &sll2));
    }

    #[test]
    fn says_why_it_does_not_compile() {
        for (filter, reason) in
            [("port 70000", "70000"), ("udp and and", "syntax error"), ("(host", "syntax error")]
        {
            let error = Filter::new(filter).unwrap_err().to_string();
            assert!(error.contains(filter) && error.contains(reason), "{error}");
        }
        assert!(Filter::new("").unwrap().admits(1, &[]));
    }

    #[test]
    fn frames_that_it_makes_no_sense_for_pass() {
        let mut filter = Filter::new("wlan type mgt").unwrap();
        assert!(filter.admits(1, &ethernet(0, &packet(1, 0))));
        let told = filter.poll_refused().unwrap().to_string();
        assert!(told.contains("link type 1, which all pass"), "{told}");
        assert!(filter.poll_refused().is_none());
        let mut filter = Filter::new("udp").unwrap();
        (1000..3000).for_each(|link| assert!(filter.admits(link, &[])));
        assert!(filter.programs.len() <= MOST_LINKS);
    }

    #[test]
    fn says_what_it_is_read_as() {
        assert!(Filter::new("port 5060").unwrap().read_as().is_some_and(|read| read.contains("ip[6:2]")));
        assert!(Filter::new("vlan and udp").unwrap().read_as().is_none());
        assert!(Filter::new(" ").unwrap().read_as().is_none());
    }
}
