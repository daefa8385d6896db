//! Drift in unbroken audio: where two clocks run apart and no pause comes to pay it back in, it is paid at the quietest
//! spot, before it grows past 20 ms.

use audio::{Decoded, Decoder, Sound};
use clock::Span;
use rtp::{Sounding, Talkspurt};

use crate::part::Part;

/// A correction before one packet of a talkspurt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Payment {
    /// Which packet, counted in the talkspurt.
    pub(crate) packet: usize,
    /// How much later it and all after it belong; below zero, so much of it is left out.
    pub(crate) span: Span,
}

/// The corrections of a talkspurt, in order; `decoded` is what was decoded elsewhere of its stream.
pub(crate) fn payments(
    talkspurt: &Talkspurt,
    packets: &[Sounding],
    parts: &[Part<'_>],
    decoded: Option<&dyn Decoded>,
    clock_rate: i64,
) -> Vec<Payment> {
    // Counted upward, whichever clock is the faster.
    let owed_ns = |packet: &Sounding| {
        let since_start_s = (packet.sent.ticks - talkspurt.ticks) as f64 / clock_rate as f64;
        (since_start_s * talkspurt.drift.abs() * 1e9) as i64
    };
    let mut payments = Vec::new();
    let mut paid_ns = 0;
    let mut from = 0;
    // By the end of the talkspurt less than the most is left, and the pause after it pays that.
    while packets.last().is_some_and(|last| owed_ns(last) - paid_ns >= MOST.as_ns()) {
        let reaches =
            |least: Span| packets.partition_point(|packet| owed_ns(packet) - paid_ns < least.as_ns());
        let (first, last) = (reaches(LEAST).max(from), reaches(MOST).max(from + 1));
        let energies = energies(parts.get(first..last).unwrap_or_default(), decoded);
        let quietest = (first..last).zip(energies).min_by_key(|(_, energy)| *energy);
        let Some((packet, owed)) =
            quietest.map(|(at, _)| at).and_then(|at| Some((at, owed_ns(packets.get(at)?))))
        else {
            break;
        };
        let span = Span::from_ns(owed - paid_ns);
        payments.push(Payment { packet, span: if talkspurt.drift < 0.0 { -span } else { span } });
        paid_ns = owed;
        from = packet + 1;
    }
    payments
}

/// Nobody hears legs that are so far apart.
const MOST: Span = Span::from_ms(20);
/// From here on a quiet spot is looked for.
const LEAST: Span = Span::from_ms(10);

/// How loud each packet is. What a codec remembers from before the first of them is not known here; within a few
/// milliseconds that makes no difference.
fn energies(parts: &[Part<'_>], decoded: Option<&dyn Decoded>) -> Vec<u64> {
    let (mut decoder, mut samples) = (None::<Decoder>, Vec::new());
    let mut energy = |part: &Part<'_>| {
        samples.clear();
        match part.sound {
            Sound::Payload(payload) => {
                let known = decoder.take().filter(|decoder| decoder.codec() == part.codec);
                let mut working = known.unwrap_or_else(|| Decoder::new(part.codec));
                working.decode(payload, &mut samples);
                decoder = Some(working);
            }
            Sound::Decoded(from) => {
                samples.resize(part.samples as usize, 0);
                if let Some(decoded) = decoded {
                    decoded.read(from, &mut samples);
                }
            }
        }
        samples.iter().map(|&sample| u64::from(sample.unsigned_abs()).pow(2)).sum()
    };
    parts.iter().map(&mut energy).collect()
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
        let packets = 0..count as usize;
        let talkspurt =
            Talkspurt { start: Time::default(), ticks: 0, packets, before: Before::Nothing, drift };
        (talkspurt, (0..count).map(packet).collect())
    }

    fn pay(count: i64, ppm: f64, quiet: usize) -> Vec<Payment> {
        let codec = Codec::registered("PCMU", 8000, 1, "").unwrap();
        let (loud, silent) = ([0x80u8; 160], [0xff; 160]);
        let part = |payload| Part { codec, sound: Sound::Payload(payload), samples: 160 };
        let parts: Vec<Part<'_>> =
            (0..count as usize).map(|n| part(if n % quiet == 0 { &silent } else { &loud })).collect();
        let (talkspurt, packets) = spoken(count, ppm / 1e6);
        payments(&talkspurt, &packets, &parts, None, 8000)
    }

    #[test]
    fn a_minute_of_an_ordinary_quartz_is_left_alone() {
        assert_eq!(pay(3000, 60.0, 7), []);
    }

    #[test]
    fn twenty_minutes_at_500_ppm_never_stray_past_20_ms_and_pay_where_it_is_quiet() {
        for ppm in [500.0, -500.0] {
            let payments = pay(60_000, ppm, 617);
            assert!(payments.iter().all(|payment| payment.packet % 617 == 0), "{payments:?}");
            let mut paid_ns = 0;
            let mut payments = payments.iter().peekable();
            for packet in 0..60_000usize {
                let payment = payments.next_if(|payment| payment.packet == packet);
                paid_ns += payment.map_or(0, |payment| payment.span.as_ns());
                let owed_ns = packet as f64 * 0.02 * ppm * 1e3 - paid_ns as f64;
                assert!(owed_ns.abs() <= 20e6, "{owed_ns} ns at {packet}");
            }
        }
    }
}
