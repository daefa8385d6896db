//! ITU-T G.722 (09/2012), 64 kbit/s: two bands of adaptive differential PCM and the filter bank that joins them. An
//! octet is two samples at 16 kHz. Names in comments are the recommendation's blocks (clause 6.2).

/// What the two bands and the filter bank remember.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    low: Band,
    high: Band,
    /// Sums and differences of the bands, the latest first (RECA, RECB).
    sums: [i32; QMF.len()],
    differences: [i32; QMF.len()],
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder {
            low: Band { scale: 32, ..Band::default() },
            high: Band { scale: 8, ..Band::default() },
            sums: [0; QMF.len()],
            differences: [0; QMF.len()],
        }
    }
}

impl Decoder {
    /// Appends the two samples of each octet of `payload`.
    pub(crate) fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        for &octet in payload {
            let (low, high) = (self.lower_band(octet & 0x3f), self.higher_band(octet >> 6));
            self.sums.rotate_right(1);
            self.sums[0] = low + high;
            self.differences.rotate_right(1);
            self.differences[0] = low - high;
            // ACCUMC and ACCUMD.
            let odd: i32 = self.differences.iter().zip(&QMF).map(|(tap, weight)| tap * weight).sum();
            let even: i32 = self.sums.iter().zip(QMF.iter().rev()).map(|(tap, weight)| tap * weight).sum();
            samples.extend([saturated(odd >> 11), saturated(even >> 11)]);
        }
    }

    fn lower_band(&mut self, code: u8) -> i32 {
        let band = &mut self.low;
        // The sample is made of six bits (INVQBL), what is learnt of it of four (INVQAL).
        let sample = (band.predicted + scaled(band.scale, at(&QM6, code))).clamp(-16_384, 16_383);
        let difference = scaled(band.scale, at(&QM4, code >> 2));
        // LOGSCL and SCALEL.
        band.log_scale = (((band.log_scale * 127) >> 7) + at(&WL, code >> 2)).clamp(0, 18_432);
        band.scale = linear(band.log_scale, 8);
        band.learn(difference);
        sample
    }

    fn higher_band(&mut self, code: u8) -> i32 {
        let band = &mut self.high;
        let difference = scaled(band.scale, at(&QM2, code));
        let sample = (band.predicted + difference).clamp(-16_384, 16_383);
        // LOGSCH and SCALEH.
        band.log_scale = (((band.log_scale * 127) >> 7) + at(&WH, code)).clamp(0, 22_528);
        band.scale = linear(band.log_scale, 10);
        band.learn(difference);
        sample
    }
}

/// The predictor and the scale of one band.
#[derive(Clone, Default, Debug)]
struct Band {
    /// s.
    predicted: i32,
    /// sz: the zeros' share of it.
    by_zeros: i32,
    /// DET.
    scale: i32,
    /// NB.
    log_scale: i32,
    /// a: the poles' weights.
    poles: [i32; 2],
    /// b: the zeros' weights.
    zeros: [i32; 6],
    /// r: what was reconstructed, the latest first.
    reconstructed: [i32; 2],
    /// d: the differences, the latest first.
    differences: [i32; 6],
    /// The signs of the latest two of p, what is made without the poles.
    signs: [bool; 2],
}

impl Band {
    /// Takes in a difference and predicts the next sample.
    fn learn(&mut self, difference: i32) {
        let reconstructed = limit(self.predicted + difference); // RECONS
        let negative = limit(self.by_zeros + difference) < 0; // PARREC
        self.poles = self.next_poles(negative);
        self.signs = [negative, self.signs[0]];
        // UPZERO
        let step = if difference == 0 { 0 } else { 128 };
        for (weight, &past) in self.zeros.iter_mut().zip(&self.differences) {
            let signed = if (past < 0) == (difference < 0) { step } else { -step };
            *weight = limit(signed + ((*weight * 32_640) >> 15));
        }
        self.differences.rotate_right(1); // DELAYA
        self.differences[0] = difference;
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.predict();
    }

    /// UPPOL2, then UPPOL1.
    fn next_poles(&self, negative: bool) -> [i32; 2] {
        let [one, two] = self.poles;
        let quadruple = limit(one << 2);
        let toward = if negative == self.signs[0] { (-quadruple).min(32_767) } else { quadruple };
        let kept = if negative == self.signs[1] { 128 } else { -128 };
        let two = ((toward >> 7) + kept + ((two * 32_512) >> 15)).clamp(-12_288, 12_288);
        let step = if negative == self.signs[0] { 192 } else { -192 };
        let most = limit(15_360 - two);
        [limit(step + ((one * 32_640) >> 15)).clamp(-most, most), two]
    }

    /// FILTEP, FILTEZ and PREDIC.
    fn predict(&mut self) {
        let weighed = |(weight, past): (&i32, &i32)| (weight * limit(past + past)) >> 15;
        let by_poles: i32 = self.poles.iter().zip(&self.reconstructed).map(weighed).sum();
        self.by_zeros = limit(self.zeros.iter().zip(&self.differences).map(weighed).sum());
        self.predicted = limit(limit(by_poles) + self.by_zeros);
    }
}

fn scaled(scale: i32, factor: i32) -> i32 {
    (scale * factor) >> 15
}

/// The scale whose logarithm that is.
fn linear(log_scale: i32, octaves: i32) -> i32 {
    let mantissa = at(&ILB, ((log_scale >> 6) & 31) as u8);
    let shift = octaves - (log_scale >> 11);
    (if shift < 0 { mantissa << -shift } else { mantissa >> shift }) << 2
}

/// 16 bits, as all of the recommendation's arithmetic.
fn limit(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

fn saturated(value: i32) -> i16 {
    limit(value) as i16
}

fn at(table: &[i16], index: u8) -> i32 {
    table.get(usize::from(index)).copied().unwrap_or(0).into()
}

/// The receiving filter's coefficients (table 11), every other one; the rest are the same backward.
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// The multipliers of the lower band's logarithmic scale, by the code's upper four bits (RIL and WL).
const WL: [i16; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];

/// The same of the higher band (IH2 and WH).
const WH: [i16; 4] = [798, -214, 798, -214];

#[rustfmt::skip]
const ILB: [i16; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

const QM2: [i16; 4] = [-7408, -1616, 7408, 1616];

#[rustfmt::skip]
const QM4: [i16; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200,
    20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
];

#[rustfmt::skip]
const QM6: [i16; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
    -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
    24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
