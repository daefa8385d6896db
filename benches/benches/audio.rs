//! Payloads to PCM: the decoder by itself, a leg of a minute in its place, and both legs in one stereo window after
//! the other. An item is a sample of one channel.

use audio::{Codec, Cue, Track};
use benches::voice::{PACKET_SAMPLES, Voice};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box, black_box_drop};
use g711::Law;

fn main() {
    divan::main();
}

const MINUTE_PACKETS: usize = 3000;
const MINUTE_SAMPLES: usize = MINUTE_PACKETS * PACKET_SAMPLES;
/// What the sealing renders at once.
const WINDOW_FRAMES: usize = 16_384;

#[divan::bench(args = [Law::Mu, Law::A])]
fn decode(bencher: Bencher<'_, '_>, law: Law) {
    let codes: Vec<u8> = packets(&Voice::new(law, 1), 0).concat();
    let mut samples = vec![0; codes.len()];
    bencher
        .counter(ItemsCount::new(codes.len()))
        .bench_local(|| g711::decode_into(law, black_box(&codes), &mut samples));
}

/// Every fiftieth packet is missing, and what is missing is concealed.
#[divan::bench(args = [false, true])]
fn leg_with_losses(bencher: Bencher<'_, '_>, losses: bool) {
    let voice = Voice::new(Law::Mu, 1);
    let cues = cues(&packets(&voice, 0), losses);
    let mut window = vec![0; 2 * WINDOW_FRAMES];
    counted(bencher, 1).with_inputs(|| cues.clone()).bench_local_values(|cues| {
        let mut track = Track::new(cues);
        for _ in 0..MINUTE_SAMPLES / WINDOW_FRAMES {
            track.fill(&mut window, 0);
        }
        track.into_ledger()
    });
}

#[divan::bench]
fn two_legs_mixed(bencher: Bencher<'_, '_>) {
    let voice = Voice::new(Law::Mu, 1);
    let legs = [0, 70_007].map(|entry| cues(&packets(&voice, entry), false));
    let mut window = vec![0; 2 * WINDOW_FRAMES];
    counted(bencher, 2).with_inputs(|| legs.clone()).bench_local_values(|legs| {
        let mut tracks = legs.map(Track::new);
        for _ in 0..MINUTE_SAMPLES / WINDOW_FRAMES {
            window.fill(0);
            for (channel, track) in tracks.iter_mut().enumerate() {
                track.fill(&mut window, channel);
            }
        }
        black_box_drop(tracks);
    });
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>, legs: usize) -> Bencher<'a, 'b> {
    let samples = legs * (MINUTE_SAMPLES / WINDOW_FRAMES) * WINDOW_FRAMES;
    bencher.counter(ItemsCount::new(samples)).counter(BytesCount::of_many::<i16>(samples))
}

/// A minute of the voice from `entry` on.
fn packets(voice: &Voice, entry: u64) -> Vec<&[u8]> {
    (0..MINUTE_PACKETS as u64).map(|n| voice.packet(entry + n * PACKET_SAMPLES as u64)).collect()
}

fn cues<'a>(packets: &[&'a [u8]], losses: bool) -> Vec<Cue<'a>> {
    let came = |n: usize| !(losses && n % 50 == 49);
    let cue = |(n, &payload): (usize, &&'a [u8])| Cue {
        at: (n * PACKET_SAMPLES) as u64,
        codec: Codec::G711(Law::Mu),
        payload,
        after_loss: n > 0 && !came(n - 1),
    };
    packets.iter().enumerate().filter(|(n, _)| came(*n)).map(cue).collect()
}
