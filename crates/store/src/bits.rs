//! Bits one after the other, the highest first.

/// What was put so far.
#[derive(Default, Debug)]
pub(crate) struct Bits {
    octets: Vec<u8>,
    /// Bits that do not fill an octet yet, and how many.
    open: u64,
    count: u32,
}

impl Bits {
    /// The lowest `count` bits of `value`, 56 at the most.
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        debug_assert!(count <= 56, "{count} bits do not fit beside what is open");
        self.open = self.open << count | value & ((1 << count) - 1);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            self.octets.push((self.open >> self.count) as u8);
        }
    }

    /// A number in two's complement.
    pub(crate) fn put_signed(&mut self, value: i32, count: u32) {
        self.put(i64::from(value) as u64, count);
    }

    /// So many zeros and a one.
    pub(crate) fn put_unary(&mut self, zeros: u32) {
        let mut left = zeros;
        while left >= 32 {
            self.put(0, 32);
            left -= 32;
        }
        self.put(1, left + 1);
    }

    pub(crate) fn put_octets(&mut self, octets: &[u8]) {
        octets.iter().for_each(|&octet| self.put(octet.into(), 8));
    }

    /// Zeros up to the end of the octet.
    pub(crate) fn pad(&mut self) {
        self.put(0, (8 - self.count) % 8);
    }

    /// The whole octets so far.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(crate) fn into_octets(mut self) -> Vec<u8> {
        self.pad();
        self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stand_side_by_side() {
        let mut bits = Bits::default();
        bits.put(0b101, 3);
        bits.put_signed(-1, 4);
        bits.put_unary(2);
        assert_eq!(bits.octets(), [0b1011_1110]);
        bits.pad();
        bits.put_unary(70);
        bits.put_octets(b"x");
        let told = [&[0b1011_1110, 0b0100_0000][..], &[0; 8], &[0b0000_0010, 0b1111_0000]].concat();
        assert_eq!(bits.into_octets(), told);
    }
}
