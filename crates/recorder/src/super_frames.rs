//! Frames that are longer than any on the wire: the network card, or its driver, joined several into one (GRO, LRO). What
//! was in a datagram each is one then, and cannot be told apart any more.

use std::fs;

use capture::Frame;

/// No network carries longer frames: jumbo ones of 9216 bytes, and tags.
const LONGEST_ON_A_WIRE: u32 = 9238;

/// Those that were seen.
pub(crate) struct SuperFrames {
    longest: u32,
    pub(crate) seen: u64,
    is_told: bool,
}

impl SuperFrames {
    /// On captures of anywhere.
    pub(crate) const fn anywhere() -> SuperFrames {
        SuperFrames { longest: LONGEST_ON_A_WIRE, seen: 0, is_told: false }
    }

    /// On these interfaces.
    pub(crate) fn on(interfaces: &[String]) -> SuperFrames {
        let longest = interfaces.iter().filter_map(|name| longest_of(name)).max();
        SuperFrames { longest: longest.unwrap_or(LONGEST_ON_A_WIRE), ..SuperFrames::anywhere() }
    }

    #[inline]
    pub(crate) fn saw(&mut self, frame: &Frame<'_>) {
        self.seen += u64::from(frame.wire_len > self.longest);
    }

    /// What is to be said of them, once.
    pub(crate) fn news(&mut self) -> Option<&'static str> {
        let is_new = self.seen > 0 && !self.is_told;
        self.is_told |= is_new;
        is_new.then_some(
            "frames come that are longer than any on the wire: packets were joined on the way here, and media in them \
             is lost; turn that off: ethtool -K IFACE gro off lro off tso off gso off",
        )
    }
}

/// The longest frame that an interface sends or receives as one: its MTU, an Ethernet header and two tags.
fn longest_of(interface: &str) -> Option<u32> {
    let mtu = fs::read_to_string(format!("/sys/class/net/{interface}/mtu")).ok()?;
    // That of the loopback is no limit of a wire.
    mtu.trim().parse::<u32>().ok().map(|mtu| mtu.saturating_add(22))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Time;

    #[test]
    fn they_are_counted_and_told_once() {
        let mut super_frames = SuperFrames::anywhere();
        let frame =
            |wire_len| Frame { at: Time::default(), link: 1, bytes: &[], wire_len, place: None, origin: 0 };
        super_frames.saw(&frame(9238));
        assert_eq!((super_frames.seen, super_frames.news()), (0, None));
        super_frames.saw(&frame(9239));
        assert!(super_frames.news().is_some_and(|told| told.contains("gro off")));
        super_frames.saw(&frame(60_000));
        assert_eq!((super_frames.seen, super_frames.news()), (2, None));
    }
}
