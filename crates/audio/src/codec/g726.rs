//! ITU-T G.726 (12/1990): adaptive differential PCM of 2 to 5 bits a sample at 8 kHz, in both of the ways in which RFC
//! 3551, section 4.5.4, packs codes into octets. Names in comments are the recommendation's (clause 4.2).

/// How many bits a sample has, and how its codes are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    /// 2 to 5: 16, 24, 32 and 40 kbit/s.
    bits: Bits,
    /// Whether an octet's first code is in its highest bits, as ITU-T I.366.2 has it for AAL2; else in its lowest.
    is_aal2: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bits {
    Two,
    Three,
    Four,
    Five,
}

impl Format {
    /// The format registered as `encoding` for RTP.
    #[must_use]
    pub fn registered(encoding: &str) -> Option<Format> {
        let (rate, is_aal2) = match encoding.strip_prefix("AAL2-") {
            Some(rate) => (rate, true),
            None => (encoding, false),
        };
        let bits = match rate {
            "G726-16" => Bits::Two,
            "G726-24" => Bits::Three,
            "G726-32" => Bits::Four,
            "G726-40" => Bits::Five,
            _ => return None,
        };
        Some(Format { bits, is_aal2 })
    }

    /// How many whole samples `octets` hold.
    #[must_use]
    pub const fn samples_in(self, octets: usize) -> usize {
        octets * 8 / self.bits()
    }

    const fn bits(self) -> usize {
        match self.bits {
            Bits::Two => 2,
            Bits::Three => 3,
            Bits::Four => 4,
            Bits::Five => 5,
        }
    }

    /// The codes of `payload` in their order.
    fn codes(self, payload: &[u8]) -> impl Iterator<Item = usize> {
        let bits = self.bits();
        (0..self.samples_in(payload.len())).map(move |n| {
            (0..bits).fold(0, |code, bit| {
                let place = n * bits + bit;
                let octet = payload.get(place / 8).copied().unwrap_or(0);
                let (from_octet, into_code) =
                    if self.is_aal2 { (7 - place % 8, bits - 1 - bit) } else { (place % 8, bit) };
                code | (usize::from(octet >> from_octet & 1) << into_code)
            })
        })
    }
}

/// The decoder's state between two samples.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    tables: &'static Tables,
    /// YU and YL: the fast and the slow scale factor.
    fast: i32,
    slow: i32,
    /// DMS, DML and AP: how much the codes vary, over a short and a long time, and what is made of it.
    short: i32,
    long: i32,
    speed: i32,
    /// A1 and A2.
    poles: [i32; 2],
    /// B1 to B6.
    zeros: [i32; 6],
    /// SR1 and SR2, the latest first.
    reconstructed: [Float; 2],
    /// DQ1 to DQ6, the latest first.
    differences: [Float; 6],
    /// PK1 and PK2, the signs of what is made without the poles.
    signs: [bool; 2],
    /// TD: a tone of partial band was heard.
    tone: bool,
}

impl Decoder {
    pub(crate) fn new(format: Format) -> Self {
        Decoder {
            tables: match format.bits {
                Bits::Two => &TWO,
                Bits::Three => &THREE,
                Bits::Four => &FOUR,
                Bits::Five => &FIVE,
            },
            fast: 544,
            slow: 34_816,
            short: 0,
            long: 0,
            speed: 0,
            poles: [0; 2],
            zeros: [0; 6],
            reconstructed: [Float::ZERO; 2],
            differences: [Float::ZERO; 6],
            signs: [false; 2],
            tone: false,
        }
    }

    /// Appends the samples of `payload`.
    pub(crate) fn decode(&mut self, format: Format, payload: &[u8], samples: &mut Vec<i16>) {
        samples.extend(format.codes(payload).map(|code| self.sample(code)));
    }

    fn sample(&mut self, code: usize) -> i16 {
        let pick = |table: &[i32]| table.get(code).copied().unwrap_or(0);
        let (log, weight, rate) =
            (pick(self.tables.logarithms), pick(self.tables.weights), pick(self.tables.rates));
        let by_zeros = products(&self.zeros, &self.differences);
        let by_poles = products(&self.poles, &self.reconstructed);
        let (by_zeros, predicted) = (by_zeros >> 1, wrapped(by_zeros + by_poles) >> 1);
        let scale = self.scale();
        let negative = code >= self.tables.logarithms.len() / 2;
        let difference = difference(negative, log, scale);
        let reconstructed = wrapped(predicted + difference);
        let partial = wrapped(by_zeros + difference);

        let tone_breaks = self.tone_breaks(difference);
        self.adapt_scale(weight, scale);
        let pole = self.adapt_poles(partial, tone_breaks);
        self.adapt_zeros(difference, tone_breaks);
        self.differences.rotate_right(1);
        self.differences[0] = Float::of_difference(difference, negative);
        self.reconstructed = [Float::of(reconstructed), self.reconstructed[0]];
        self.tone = !tone_breaks && pole < -11_776; // TONE
        self.adapt_speed(rate, scale, tone_breaks);
        (reconstructed << 2).clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }

    /// LIMA and MIX: the scale factor of this sample, between the fast and the slow one.
    fn scale(&self) -> i32 {
        let share = self.speed.min(256) >> 2;
        let (slow, apart) = (self.slow >> 6, self.fast - (self.slow >> 6));
        // MIX multiplies magnitudes: a negative product is not rounded down.
        slow + if apart < 0 { -((-apart * share) >> 6) } else { (apart * share) >> 6 }
    }

    /// TRANS: whether a tone ends here, which the predictor must not be dragged along by.
    fn tone_breaks(&self, difference: i32) -> bool {
        let (exponent, fraction) = (self.slow >> 15, (self.slow >> 10) & 31);
        let threshold = if exponent > 9 { 31 << 10 } else { (32 + fraction) << exponent };
        self.tone && difference.abs() > (threshold + (threshold >> 1)) >> 1
    }

    /// FUNCTW, FILTD, LIMB and FILTE.
    fn adapt_scale(&mut self, weight: i32, scale: i32) {
        self.fast = (scale + (((weight << 5) - scale) >> 5)).clamp(544, 5120);
        self.slow += self.fast + ((-self.slow) >> 6);
    }

    /// UPA2, LIMC, UPA1 and LIMD; gives A2 as it is before a tone's end clears it.
    fn adapt_poles(&mut self, partial: i32, tone_breaks: bool) -> i32 {
        let negative = partial < 0;
        let [one, two] = self.poles;
        let mut next_two = two - (two >> 7);
        let mut next_one = one - (one >> 8);
        if partial != 0 {
            let toward = one.clamp(-8191, 8191) << 2;
            let toward = if negative == self.signs[0] { -toward } else { toward };
            let kept = if negative == self.signs[1] { 16_384 } else { -16_384 };
            next_two += (toward + kept) >> 7;
            next_one += if negative == self.signs[0] { 192 } else { -192 };
        }
        let next_two = next_two.clamp(-12_288, 12_288);
        let most = 15_360 - next_two;
        self.poles = if tone_breaks { [0, 0] } else { [next_one.clamp(-most, most), next_two] };
        self.signs = [negative, self.signs[0]];
        next_two
    }

    /// XOR and UPB.
    fn adapt_zeros(&mut self, difference: i32, tone_breaks: bool) {
        let leak = self.tables.leak;
        for (weight, past) in self.zeros.iter_mut().zip(&self.differences) {
            *weight -= *weight >> leak;
            if difference != 0 {
                *weight += if past.negative == (difference < 0) { 128 } else { -128 };
            }
            if tone_breaks {
                *weight = 0;
            }
        }
    }

    /// FILTA, FILTB, SUBTC and FILTC.
    fn adapt_speed(&mut self, rate: i32, scale: i32, tone_breaks: bool) {
        self.short += ((rate << 9) - self.short) >> 5;
        self.long += ((rate << 11) - self.long) >> 7;
        let varies = (self.short * 4 - self.long).abs() >= self.long >> 3;
        let fast = scale < 1536 || self.tone || varies;
        self.speed =
            if tone_breaks { 256 } else { self.speed + ((if fast { 512 } else { 0 } - self.speed) >> 4) };
    }
}

/// RECONST, ADDA and ANTILOG: the difference that a code stands for.
fn difference(negative: bool, log: i32, scale: i32) -> i32 {
    let sum = log + (scale >> 2);
    let magnitude = if sum < 0 { 0 } else { ((128 + (sum & 127)) << 7) >> (14 - ((sum >> 7) & 15)).max(0) };
    if negative { -magnitude } else { magnitude }
}

/// A number of six bits of mantissa, as the predictor multiplies them (FLOATA, FLOATB).
#[derive(Clone, Copy, Debug)]
struct Float {
    negative: bool,
    exponent: i32,
    mantissa: i32,
}

impl Float {
    const ZERO: Float = Float { negative: false, exponent: 0, mantissa: 32 };

    fn of(value: i32) -> Float {
        Float::of_magnitude(value < 0, value.abs())
    }

    /// A difference of nothing keeps the sign of its code.
    fn of_difference(value: i32, negative: bool) -> Float {
        Float::of_magnitude(negative, value.abs())
    }

    fn of_magnitude(negative: bool, magnitude: i32) -> Float {
        let magnitude = magnitude.min(32_767);
        let exponent = 32 - magnitude.leading_zeros() as i32;
        let mantissa = if magnitude == 0 { 32 } else { (magnitude << 6) >> exponent };
        Float { negative, exponent, mantissa }
    }

    /// FMULT, with a weight of 16 bits.
    fn times(self, weight: i32) -> i32 {
        let weighed = Float::of(weight.clamp(-32_768, 32_767) >> 2);
        let exponent = self.exponent + weighed.exponent - 19;
        let mantissa = (self.mantissa * weighed.mantissa + 48) >> 4;
        let product = if exponent < 0 { mantissa >> -exponent } else { (mantissa << exponent) & 0x7fff };
        if self.negative == weighed.negative { product } else { -product }
    }
}

/// FMULT and ACCUM, in 16 bits.
fn products(weights: &[i32], values: &[Float]) -> i32 {
    let sum: i32 = weights.iter().zip(values).map(|(&weight, value)| value.times(weight)).sum();
    wrapped(sum)
}

/// 16 bits, as all of the recommendation's sums.
fn wrapped(sum: i32) -> i32 {
    i32::from(sum as i16)
}

/// What a rate knows of each of its codes (tables 7 to 10, FUNCTW, FUNCTF), and how its zeros leak (UPB).
#[derive(Debug)]
struct Tables {
    logarithms: &'static [i32],
    weights: &'static [i32],
    rates: &'static [i32],
    leak: u32,
}

static TWO: Tables = Tables {
    logarithms: &[116, 365, 365, 116],
    weights: &[-22, 439, 439, -22],
    rates: &[0, 7, 7, 0],
    leak: 8,
};

static THREE: Tables = Tables {
    logarithms: &[-2048, 135, 273, 373, 373, 273, 135, -2048],
    weights: &[-4, 30, 137, 582, 582, 137, 30, -4],
    rates: &[0, 1, 2, 7, 7, 2, 1, 0],
    leak: 8,
};

static FOUR: Tables = Tables {
    logarithms: &[-2048, 4, 135, 213, 273, 323, 373, 425, 425, 373, 323, 273, 213, 135, 4, -2048],
    weights: &[-12, 18, 41, 64, 112, 198, 355, 1122, 1122, 355, 198, 112, 64, 41, 18, -12],
    rates: &[0, 0, 0, 1, 1, 1, 3, 7, 7, 3, 1, 1, 1, 0, 0, 0],
    leak: 8,
};

#[rustfmt::skip]
static FIVE: Tables = Tables {
    logarithms: &[
        -2048, -66, 28, 104, 169, 224, 274, 318, 358, 395, 429, 459, 488, 514, 539, 566,
        566, 539, 514, 488, 459, 429, 395, 358, 318, 274, 224, 169, 104, 28, -66, -2048,
    ],
    weights: &[
        14, 14, 24, 39, 40, 41, 58, 100, 141, 179, 219, 280, 358, 440, 529, 696,
        696, 529, 440, 358, 280, 219, 179, 141, 100, 58, 41, 40, 39, 24, 14, 14,
    ],
    rates: &[
        0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6,
        6, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
    ],
    leak: 9,
};
