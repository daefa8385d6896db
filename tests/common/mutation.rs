//! Captures that are wrong on purpose: bits that flipped, frames cut, doubled, lost and out of order, time stamps of
//! other centuries, headers with another's payload. It all grows from a seed: a failure comes again.

/// xorshift64*: the same numbers everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0 to `sides` - 1.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        (self.roll() >> 33) as usize % sides.max(1)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        (self.roll() >> 40) as u8
    }
}

/// When a frame was captured, in nanoseconds since 1970, and the frame.
pub(crate) type Stamped = (i64, Vec<u8>);

/// The frames with some of them hurt: one in two in some runs, one in thirty in others.
pub(crate) fn mutated(frames: &[Stamped], dice: &mut Dice) -> Vec<Stamped> {
    let rarity = [2, 5, 10, 30][dice.below(4)];
    let mut hurt = Vec::with_capacity(frames.len());
    for frame in frames {
        if dice.below(rarity) > 0 {
            hurt.push(frame.clone());
            continue;
        }
        hurt.extend(hurt_one(frame.clone(), frames, dice));
    }
    for _ in 0..frames.len() / rarity {
        let one = dice.below(hurt.len());
        let other = (one + dice.below(50)).min(hurt.len().saturating_sub(1));
        if one < hurt.len() {
            hurt.swap(one, other);
        }
    }
    hurt
}

/// What becomes of one frame: none, it or several.
fn hurt_one((at_ns, mut bytes): Stamped, all: &[Stamped], dice: &mut Dice) -> Vec<Stamped> {
    match dice.below(9) {
        0 => return Vec::new(),
        1 => {
            let doubled = |n: usize, late: usize| (at_ns + (n * late) as i64 * 1_000_000, bytes.clone());
            let late = dice.below(130);
            return (0..2 + dice.below(3)).map(|n| doubled(n, late)).collect();
        }
        2 => return vec![(wild(at_ns, dice), bytes)],
        3 => bytes.truncate(dice.below(bytes.len())),
        4 => bytes.extend((0..dice.below(2000)).map(|n| n as u8)),
        5 => {
            // Headers of the one, payload of the other, as far as plain frames are concerned.
            let other = &all[dice.below(all.len())].1;
            let at = 34 + dice.below(16);
            bytes.truncate(at);
            bytes.extend(other.get(at..).unwrap_or_default());
        }
        6 => {
            // Lengths, counts and types stand in the first octets, and are worst at their limits.
            for _ in 0..=dice.below(4) {
                let at = 12 + dice.below(60);
                let worst = [0x00, 0xff, 0x7f, 0x80, 0x45, 0x60, dice.byte()];
                if let Some(octet) = bytes.get_mut(at) {
                    *octet = worst[dice.below(worst.len())];
                }
            }
        }
        _ => {
            for _ in 0..=dice.below(8) {
                let at = dice.below(bytes.len());
                if let Some(octet) = bytes.get_mut(at) {
                    *octet ^= 1 << dice.below(8);
                }
            }
        }
    }
    vec![(at_ns, bytes)]
}

/// A time stamp that cannot be: 1970, 2106, a second, hours or years off.
fn wild(at_ns: i64, dice: &mut Dice) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    const LAST: i64 = u32::MAX as i64 * SECOND;
    let off = dice.below(1_000_000) as i64 * 1_000 + 1;
    let wild = match dice.below(6) {
        0 => off,
        1 => LAST - off,
        2 => at_ns - SECOND - off,
        3 => at_ns + (1 + dice.below(900)) as i64 * 3600 * SECOND + off,
        4 => at_ns - (1 + dice.below(900)) as i64 * 86_400 * SECOND + off,
        _ => dice.below(u32::MAX as usize) as i64 * SECOND + off,
    };
    wild.clamp(0, LAST)
}
