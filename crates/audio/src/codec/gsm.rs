//! GSM 06.10 full rate (ETS 300 961), 13 kbit/s: frames of 33 octets and 160 samples at 8 kHz, packed as RFC 3551,
//! section 4.5.8. Names in comments are the standard's (clauses 5.2 and 5.3); its arithmetic is that of 16 bits with
//! saturation and, in products, rounding.

/// Octets of a frame.
pub(crate) const FRAME_OCTETS: usize = 33;
/// Samples of a frame.
pub(crate) const FRAME_SAMPLES: usize = 160;

/// What is remembered from frame to frame.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    /// drp: the reconstructed residual of the last 120 samples, the latest at the end.
    residual: [i16; HISTORY],
    /// nrp: the last lag that could be one.
    lag: usize,
    /// LARpp of the frame before.
    last_ratios: [i16; 8],
    /// v: the lattice.
    lattice: [i16; 8],
    /// msr: of the deemphasis.
    emphasis: i16,
}

/// The longest lag.
const HISTORY: usize = 120;
/// Samples of a quarter frame.
const SUBFRAME: usize = 40;

impl Default for Decoder {
    fn default() -> Self {
        Decoder { residual: [0; HISTORY], lag: 40, last_ratios: [0; 8], lattice: [0; 8], emphasis: 0 }
    }
}

impl Decoder {
    /// Appends the samples of each whole frame of `payload`.
    pub(crate) fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        let (frames, _) = payload.as_chunks::<FRAME_OCTETS>();
        for frame in frames {
            self.frame(frame, samples);
        }
    }

    fn frame(&mut self, frame: &[u8; FRAME_OCTETS], samples: &mut Vec<i16>) {
        let mut bits = Bits { frame, at: 4 };
        let coded = LOG_AREA_BITS.map(|width| bits.take(width));
        let mut residual = [0i16; FRAME_SAMPLES];
        for quarter in residual.chunks_exact_mut(SUBFRAME) {
            self.subframe(&mut bits, quarter);
        }
        self.synthesize(&coded, &residual, samples);
    }

    /// The residual of a quarter frame: what was sent of it, and the long-term prediction.
    fn subframe(&mut self, bits: &mut Bits<'_>, quarter: &mut [i16]) {
        let (lag, gain, grid, block) = (bits.take(7), bits.take(2), bits.take(2), bits.take(6));
        let mut sent = [0i16; SUBFRAME];
        let (exponent, mantissa) = scale(block);
        for place in sent.iter_mut().skip(usize::from(grid)).step_by(3).take(13) {
            *place = pulse(bits.take(3), exponent, mantissa);
        }
        // A lag that cannot be is the one before.
        if (40..=HISTORY).contains(&usize::from(lag)) {
            self.lag = usize::from(lag);
        }
        let gain = at(&QLB, gain);
        let past = self.residual.iter().skip(HISTORY - self.lag);
        for ((place, sent), &past) in quarter.iter_mut().zip(sent).zip(past) {
            *place = sent.saturating_add(multiplied(gain, past));
        }
        self.residual.rotate_left(SUBFRAME);
        for (place, &new) in self.residual.iter_mut().skip(HISTORY - SUBFRAME).zip(&*quarter) {
            *place = new;
        }
    }

    /// The short-term synthesis, its coefficients led over from the frame before, and the deemphasis.
    fn synthesize(&mut self, coded: &[u8; 8], residual: &[i16; FRAME_SAMPLES], samples: &mut Vec<i16>) {
        let ratios = log_area_ratios(coded);
        let before = std::mem::replace(&mut self.last_ratios, ratios);
        let led_over = |n: usize| {
            let mut reflection = [0; 8];
            for ((place, &now), &before) in reflection.iter_mut().zip(&ratios).zip(&before) {
                *place = reflection_of(match n {
                    0 => (before >> 2).saturating_add(now >> 2).saturating_add(before >> 1),
                    1 => (before >> 1).saturating_add(now >> 1),
                    2 => (before >> 2).saturating_add(now >> 2).saturating_add(now >> 1),
                    _ => now,
                });
            }
            reflection
        };
        let mut rest = residual.as_slice();
        for (n, count) in [13, 14, 13, 120].into_iter().enumerate() {
            let Some((now, later)) = rest.split_at_checked(count) else { return };
            let reflection = led_over(n);
            samples.extend(now.iter().map(|&sample| self.sample(sample, &reflection)));
            rest = later;
        }
    }

    /// One step through the lattice; then the deemphasis, and the truncation to 13 bits.
    fn sample(&mut self, residual: i16, reflection: &[i16; 8]) -> i16 {
        let mut sample = residual;
        for (place, &weight) in self.lattice.iter_mut().zip(reflection).rev() {
            sample = sample.saturating_sub(multiplied(weight, *place));
            *place = place.saturating_add(multiplied(weight, sample));
        }
        // What a stage made is the next one's past.
        self.lattice.rotate_right(1);
        self.lattice[0] = sample;
        self.emphasis = sample.saturating_add(multiplied(self.emphasis, 28_180));
        self.emphasis.saturating_add(self.emphasis) & !7
    }
}

/// LARpp (table 5.1 and clause 5.2.8).
fn log_area_ratios(coded: &[u8; 8]) -> [i16; 8] {
    let mut ratios = [0; 8];
    for ((place, &code), &(least, offset, inverse)) in ratios.iter_mut().zip(coded).zip(&LOG_AREAS) {
        let centred = (i16::from(code) + least) << 10;
        let exact = multiplied(inverse, centred.saturating_sub(offset << 1));
        *place = exact.saturating_add(exact);
    }
    ratios
}

/// rp: the reflection coefficient of a log area ratio (clause 5.2.9.2).
fn reflection_of(ratio: i16) -> i16 {
    let magnitude = ratio.saturating_abs();
    let reflection = match magnitude {
        ..11_059 => magnitude << 1,
        11_059..20_070 => magnitude + 11_059,
        _ => (magnitude >> 2).saturating_add(26_112),
    };
    if ratio < 0 { -reflection } else { reflection }
}

/// exp and mant of a coded block maximum (clause 5.2.15).
fn scale(block: u8) -> (i16, i16) {
    let block = i16::from(block);
    let mut exponent = if block > 15 { (block >> 3) - 1 } else { 0 };
    let mut mantissa = block - (exponent << 3);
    if mantissa == 0 {
        return (-4, 7);
    }
    while mantissa <= 7 {
        mantissa = mantissa << 1 | 1;
        exponent -= 1;
    }
    (exponent, mantissa - 8)
}

/// xMp: one coded pulse (clause 5.2.16).
fn pulse(code: u8, exponent: i16, mantissa: i16) -> i16 {
    let shift = 6 - exponent;
    let centred = ((i16::from(code) << 1) - 7) << 12;
    let scaled = multiplied(at(&FAC, mantissa as u8), centred);
    scaled.saturating_add(if shift > 0 { 1 << (shift - 1) } else { 0 }) >> shift.max(0)
}

/// MULT_R: the product of two fractions, rounded.
fn multiplied(one: i16, other: i16) -> i16 {
    ((i32::from(one) * i32::from(other) + 16_384) >> 15).clamp(-32_768, 32_767) as i16
}

fn at(table: &[i16], index: u8) -> i16 {
    table.get(usize::from(index)).copied().unwrap_or(0)
}

/// Reads a frame from its highest bits on.
struct Bits<'a> {
    frame: &'a [u8; FRAME_OCTETS],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, width: usize) -> u8 {
        let bit = |at: usize| self.frame.get(at / 8).map_or(0, |octet| octet >> (7 - at % 8) & 1);
        let value = (self.at..self.at + width).fold(0, |value, at| value << 1 | bit(at));
        self.at += width;
        value
    }
}

/// Bits of the coded log area ratios.
const LOG_AREA_BITS: [usize; 8] = [6, 6, 5, 5, 4, 4, 3, 3];

/// MIC, B and INVA of each.
const LOG_AREAS: [(i16, i16, i16); 8] = [
    (-32, 0, 13_107),
    (-32, 0, 13_107),
    (-16, 2048, 13_107),
    (-16, -2560, 13_107),
    (-8, 94, 19_223),
    (-8, -1792, 17_476),
    (-4, -341, 31_454),
    (-4, -1144, 29_708),
];

const QLB: [i16; 4] = [3277, 11_469, 21_299, 32_767];
const FAC: [i16; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];
