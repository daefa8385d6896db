//! A-law: G.711 section 3, tables 1a and 1b.
//!
//! ```text
//!   7   6 5 4   3 2 1 0
//! +---+-------+---------+   sent with every even bit inverted; sign set is positive
//! | S |segment| interval|   16 intervals a segment, of 2, 2, 4, 8 .. 128 units; a unit is 8 of 16 bits
//! +---+-------+---------+
//! ```

/// Every second bit, which the standard inverts so that silence is not sent as a row of equal bits.
const EVEN_BITS: u8 = 0x55;

/// The linear value of each A-law code.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would refuse it")]
pub static A_TO_LINEAR: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = expand(code as u8);
        code += 1;
    }
    table
};

const fn expand(code: u8) -> i16 {
    let code = (code ^ EVEN_BITS) as u16;
    let segment = (code >> 4) & 0x07;
    // Segments 0 and 1 have intervals of the same size: only from 1 on there is a leading bit, only from 2 on a shift.
    let leading = (segment != 0) as u16;
    let magnitude = (((code & 0x0f) << 4) + 0x08 + (leading << 8)) << (segment - leading);
    let negative = ((code >> 7) ^ 1).wrapping_neg();
    (magnitude ^ negative).wrapping_sub(negative) as i16
}

/// Negative inputs are taken by their one's complement, as G.191 does.
#[inline]
pub(crate) const fn compress(sample: i16) -> u8 {
    let negative = sample >> 15;
    let magnitude = (sample ^ negative) as u16 >> 4;
    let bits = 16 - magnitude.leading_zeros() as u16;
    let segment = bits.saturating_sub(4);
    let interval = (magnitude >> segment.saturating_sub(1)) & 0x0f;
    let sign = !negative as u16 & 0x80;
    (sign | segment << 4 | interval) as u8 ^ EVEN_BITS
}
