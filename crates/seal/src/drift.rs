//! Drift in unbroken audio: where two clocks run apart and no pause comes to pay it back in, it is paid at the quietest
//! spot, before it grows past 10 ms: two parties whose clocks run apart in both directions are no more than 20 ms from each
//! other then.

use audio::{Decoded, Decoder, Sound};
use clock::Span;
use rtp::{Sounding, Talkspurt};

use crate::part::{Part, Piece};

/// A correction before one packet of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Payment {
    /// Which packet, counted in the stream.
    pub(crate) packet: u64,
    /// How much later it and all after it in its talkspurt belong; below zero, so much of it is left out.
    pub(crate) span: Span,
}

/// How much later than by its time stamp a packet of that talkspurt belongs; counted upward, whichever clock is the
/// faster.
pub(crate) fn owed_ns(talkspurt: &Talkspurt, packet: &Sounding, clock_rate: i64) -> i64 {
    let since_start_s = (packet.sent.ticks - talkspurt.ticks) as f64 / clock_rate as f64;
    (since_start_s * talkspurt.drift.abs() * 1e9) as i64
}

/// Whether so much is owed at the end of a talkspurt that it cannot wait for the pause after it.
pub(crate) const fn is_too_much(owed_ns: i64) -> bool {
    owed_ns >= MOST.as_ns()
}

/// Finds the spots, along the packets of a stream.
pub(crate) struct Payer<'d> {
    decoded: Option<&'d dyn Decoded>,
    clock_rate: i64,
    /// Of the talkspurt at hand: what is owed at its end, and what was paid.
    last_ns: i64,
    paid_ns: i64,
    /// The quietest packet since enough was owed: how loud it is, which it is, and what is owed there.
    quietest: Option<(u64, u64, i64)>,
    loudness: Loudness,
    payments: Vec<Payment>,
}

impl<'d> Payer<'d> {
    /// `decoded` is what was decoded elsewhere of the stream.
    pub(crate) fn new(decoded: Option<&'d dyn Decoded>, clock_rate: i64) -> Self {
        Payer {
            decoded,
            clock_rate,
            last_ns: 0,
            paid_ns: 0,
            quietest: None,
            loudness: Loudness::default(),
            payments: Vec::new(),
        }
    }

    /// A talkspurt begins, at whose end so much is owed.
    pub(crate) fn begin(&mut self, last_ns: i64) {
        (self.last_ns, self.paid_ns, self.quietest) = (last_ns, 0, None);
    }

    /// Takes its next packet, which is number `packet` of the stream.
    pub(crate) fn handle_piece(&mut self, packet: u64, piece: &Piece<'_>, talkspurt: &Talkspurt) {
        // By the end of the talkspurt less than the most is left, and the pause after it pays that.
        if !is_too_much(self.last_ns.saturating_sub(self.paid_ns)) {
            return;
        }
        let owed_ns = owed_ns(talkspurt, &piece.sounding, self.clock_rate);
        if owed_ns - self.paid_ns >= MOST.as_ns() {
            let (_, at, owed_ns) = self.quietest.take().unwrap_or((0, packet, owed_ns));
            let span = Span::from_ns(owed_ns - self.paid_ns);
            let span = if talkspurt.drift < 0.0 { -span } else { span };
            self.payments.push(Payment { packet: at, span });
            self.paid_ns = owed_ns;
        }
        let is_paid_here = self.payments.last().is_some_and(|payment| payment.packet == packet);
        if owed_ns - self.paid_ns >= LEAST.as_ns() && !is_paid_here {
            if self.quietest.is_none() {
                self.loudness = Loudness::default();
            }
            let energy = self.loudness.of(&piece.part, self.decoded);
            if self.quietest.is_none_or(|(least, ..)| energy < least) {
                self.quietest = Some((energy, packet, owed_ns));
            }
        }
    }

    /// The corrections, in order.
    pub(crate) fn finish(self) -> Vec<Payment> {
        self.payments
    }
}

/// Nobody hears legs that are twice as far apart.
const MOST: Span = Span::from_ms(10);
/// From here on a quiet spot is looked for.
const LEAST: Span = Span::from_ms(5);

/// How loud packets in a row are. What a codec remembers from before the first of them is not known here; within a few
/// milliseconds that makes no difference.
#[derive(Default)]
struct Loudness {
    decoder: Option<Decoder>,
    samples: Vec<i16>,
}

impl Loudness {
    fn of(&mut self, part: &Part<'_>, decoded: Option<&dyn Decoded>) -> u64 {
        self.samples.clear();
        match part.sound {
            Sound::Payload(payload) => {
                let known = self.decoder.take().filter(|decoder| decoder.codec() == part.codec);
                let mut working = known.unwrap_or_else(|| Decoder::new(part.codec));
                working.decode(payload, &mut self.samples);
                self.decoder = Some(working);
            }
            Sound::Decoded(from) => {
                self.samples.resize(part.samples as usize, 0);
                if let Some(decoded) = decoded {
                    decoded.read(from, &mut self.samples);
                }
            }
        }
        self.samples.iter().map(|&sample| u64::from(sample.unsigned_abs()).pow(2)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::Codec;
    use clock::Time;
    use rtp::{Before, ExtSeq, Sent};

    fn spoken(count: i64, drift: f64) -> (Talkspurt, Vec<Sounding>) {
        let packet = |n: i64| {
            let sent = Sent { index: n as u32, seq: ExtSeq(n), ticks: n * 160, arrival_ns: 0, era: 0 };
            Sounding { sent, duration_ticks: 160, lost_before: 0 }
        };
        let talkspurt = Talkspurt { start: Time::default(), ticks: 0, before: Before::Nothing, drift };
        (talkspurt, (0..count).map(packet).collect())
    }

    fn pay_along(talkspurt: &Talkspurt, packets: &[Sounding], parts: &[Part<'_>]) -> Vec<Payment> {
        let mut payer = Payer::new(None, 8000);
        payer.begin(owed_ns(talkspurt, packets.last().unwrap(), 8000));
        for ((n, &sounding), &part) in (0..).zip(packets).zip(parts) {
            payer.handle_piece(n, &Piece { sounding, part }, talkspurt);
        }
        payer.finish()
    }

    /// The naive twin has the whole talkspurt: again and again, the quietest of those by which enough is owed and not
    /// yet too much.
    fn pay_at_once(talkspurt: &Talkspurt, packets: &[Sounding], parts: &[Part<'_>]) -> Vec<Payment> {
        let owed_ns = |packet: &Sounding| owed_ns(talkspurt, packet, 8000);
        let (mut payments, mut paid_ns, mut from) = (Vec::new(), 0, 0);
        while owed_ns(packets.last().unwrap()) - paid_ns >= MOST.as_ns() {
            let reaches =
                |least: Span| packets.partition_point(|packet| owed_ns(packet) - paid_ns < least.as_ns());
            let (first, last) = (reaches(LEAST).max(from), reaches(MOST).max(from + 1));
            let mut loudness = Loudness::default();
            let energies: Vec<u64> = parts[first..last].iter().map(|part| loudness.of(part, None)).collect();
            let at = (first..last).min_by_key(|at| energies[at - first]).unwrap_or(first);
            let owed = owed_ns(&packets[at]);
            let span = Span::from_ns(owed - paid_ns);
            payments
                .push(Payment { packet: at as u64, span: if talkspurt.drift < 0.0 { -span } else { span } });
            (paid_ns, from) = (owed, at + 1);
        }
        payments
    }

    fn pay(count: i64, ppm: f64, quiet: usize) -> Vec<Payment> {
        let codec = Codec::registered("PCMU", 8000, 1, "").unwrap();
        let (loud, silent) = ([0x80u8; 160], [0xff; 160]);
        let part = |payload| Part { codec, sound: Sound::Payload(payload), samples: 160 };
        let parts: Vec<Part<'_>> =
            (0..count as usize).map(|n| part(if n % quiet == 0 { &silent } else { &loud })).collect();
        let (talkspurt, packets) = spoken(count, ppm / 1e6);
        let payments = pay_along(&talkspurt, &packets, &parts);
        assert_eq!(payments, pay_at_once(&talkspurt, &packets, &parts));
        payments
    }

    #[test]
    fn a_minute_of_an_ordinary_quartz_is_left_alone() {
        assert_eq!(pay(3000, 60.0, 7), []);
    }

    #[test]
    fn twenty_minutes_at_500_ppm_never_stray_past_10_ms_and_pay_where_it_is_quiet() {
        for ppm in [500.0, -500.0] {
            let payments = pay(60_000, ppm, 617);
            assert!(payments.iter().all(|payment| payment.packet % 617 == 0), "{payments:?}");
            let mut paid_ns = 0;
            let mut payments = payments.iter().peekable();
            for packet in 0..60_000u64 {
                let payment = payments.next_if(|payment| payment.packet == packet);
                paid_ns += payment.map_or(0, |payment| payment.span.as_ns());
                let owed_ns = packet as f64 * 0.02 * ppm * 1e3 - paid_ns as f64;
                assert!(owed_ns.abs() <= 10e6, "{owed_ns} ns at {packet}");
            }
        }
    }
}
