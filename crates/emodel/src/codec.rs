//! What a codec itself costs: equipment impairment and robustness against loss (ITU-T G.113, appendices I and IV).

/// Which model a codec's figures belong to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Band {
    /// 300 to 3400 Hz: G.107.
    Narrow,
    /// 50 to 7000 Hz: G.107.1.
    Wide,
}

/// A codec as the model sees it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Codec {
    /// The model that holds.
    pub band: Band,
    /// The equipment impairment factor without loss, Ie.
    pub impairment: f64,
    /// The packet-loss robustness factor, Bpl; `None` where no figure is published, and the model does not hold under
    /// loss.
    pub robustness: Option<f64>,
}

impl Codec {
    /// The figures of an encoding by its name in RTP (RFC 3551) and its rate in bits a second where the name stands for
    /// several; `None` where none are published.
    #[must_use]
    pub fn of_encoding(name: &str, bits_per_second: Option<u32>) -> Option<Codec> {
        let (band, impairment, robustness) = match (name, bits_per_second) {
            // With the concealment of G.711, appendix I, under random loss.
            ("PCMU" | "PCMA", _) => (Band::Narrow, 0.0, Some(25.1)),
            // With annexes A and B, the form in use.
            ("G729", _) => (Band::Narrow, 11.0, Some(19.0)),
            ("G723", _) => (Band::Narrow, 15.0, Some(16.1)),
            ("GSM", _) => (Band::Narrow, 20.0, None),
            ("G726-40", _) => (Band::Narrow, 2.0, None),
            ("G726-32", _) => (Band::Narrow, 7.0, None),
            ("G726-24", _) => (Band::Narrow, 25.0, None),
            ("G726-16", _) => (Band::Narrow, 50.0, None),
            ("G722", _) => (Band::Wide, 13.0, None),
            ("AMR-WB", Some(12_650)) => (Band::Wide, 13.0, None),
            ("AMR-WB", Some(23_850)) => (Band::Wide, 8.0, None),
            _ => return None,
        };
        Some(Codec { band, impairment, robustness })
    }

    /// The effective equipment impairment at a loss of `percent`, whose losses come in bursts `burst_ratio` times as
    /// long as chance would have them (G.107, section 3.5). `None` where the model does not hold.
    pub(crate) fn effective_impairment(self, percent: f64, burst_ratio: f64) -> Option<f64> {
        if percent <= 0.0 {
            return Some(self.impairment);
        }
        let worst = match self.band {
            Band::Narrow => 95.0,
            Band::Wide => 129.0,
        };
        let robustness = self.robustness?;
        let share = percent / (percent / burst_ratio.max(1.0) + robustness);
        Some(self.impairment + (worst - self.impairment) * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_costs_as_the_recommendation_says() {
        let g711 = Codec::of_encoding("PCMU", None).unwrap();
        assert_eq!(g711.effective_impairment(0.0, 1.0), Some(0.0));
        let at_five = g711.effective_impairment(5.0, 1.0).unwrap();
        assert!((at_five - 95.0 * 5.0 / 30.1).abs() < 1e-9);
        // Bursts of twice the length of chance are worse.
        assert!(g711.effective_impairment(5.0, 2.0).unwrap() > at_five);
        let gsm = Codec::of_encoding("GSM", None).unwrap();
        assert_eq!(
            (gsm.effective_impairment(0.0, 1.0), gsm.effective_impairment(0.1, 1.0)),
            (Some(20.0), None)
        );
        assert_eq!(Codec::of_encoding("opus", None), None);
    }
}
