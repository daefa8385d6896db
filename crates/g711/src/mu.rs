//! u-law: G.711 section 3, tables 2a and 2b.
//!
//! ```text
//!   7   6 5 4   3 2 1 0
//! +---+-------+---------+   sent with every bit inverted; sign set (once inverted back) is negative
//! | S |segment| interval|   16 intervals a segment, of 2, 4, 8 .. 256 units; a unit is 4 of 16 bits
//! +---+-------+---------+
//! ```

/// Makes every segment begin at a power of two: 33 units, here in 16-bit steps.
const BIAS: u16 = 33 << 2;

/// The linear value of each u-law code.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would refuse it")]
pub static MU_TO_LINEAR: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = expand(code as u8);
        code += 1;
    }
    table
};

const fn expand(code: u8) -> i16 {
    let code = !code as u16;
    let magnitude = ((((code & 0x0f) << 3) + BIAS) << ((code >> 4) & 0x07)) - BIAS;
    let negative = (code >> 7).wrapping_neg();
    (magnitude ^ negative).wrapping_sub(negative) as i16
}

/// Negative inputs are taken by their one's complement, as G.191 does: -1 and 0 are equally near to zero.
#[inline]
pub(crate) const fn compress(sample: i16) -> u8 {
    let negative = sample >> 15;
    let biased = ((sample ^ negative) as u16 >> 2) + (BIAS >> 2);
    // 33 to 8224; what lies above the last decision value is in the last interval.
    let biased = if biased > 0x1fff { 0x1fff } else { biased };
    let segment = 10 - biased.leading_zeros() as u16;
    let interval = (biased >> (segment + 1)) & 0x0f;
    let sign = negative as u16 & 0x80;
    !(sign | segment << 4 | interval) as u8
}
