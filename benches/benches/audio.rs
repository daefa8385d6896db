//! Payloads to PCM: the decoder by itself, a leg of a minute in its place, and both legs in one stereo window after
//! the other. An item is a sample of one channel.

use audio::{Channel, Codec, Cue, Cues, Sound};
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
    counted(bencher, 1).bench_local(|| {
        let mut track = Channel::new(&|| Cues::new(cues.iter().copied()), &[8000], &vec![], 8000);
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
    counted(bencher, 2).bench_local(|| {
        let mut tracks = legs
            .each_ref()
            .map(|cues| Channel::new(&|| Cues::new(cues.iter().copied()), &[8000], &vec![], 8000));
        for _ in 0..MINUTE_SAMPLES / WINDOW_FRAMES {
            window.fill(0);
            for (channel, track) in tracks.iter_mut().enumerate() {
                track.fill(&mut window, channel);
            }
        }
        black_box_drop(tracks);
    });
}

/// Both legs of a minute's call, decoded and mixed at the rate of the call: in call-seconds, an item is one.
#[divan::bench(args = ["PCMU", "G722", "GSM", "G726-32", "OPUS", "PCMU+G722", "PCMU+OPUS"])]
fn call_of(bencher: Bencher<'_, '_>, codecs: &str) {
    let mut names = codecs.split('+');
    let caller = names.next().map(Leg::new);
    let legs: Vec<Leg> = caller.into_iter().chain(names.next().or(Some(codecs)).map(Leg::new)).collect();
    let rate = legs.iter().map(|leg| leg.codec.sample_rate()).max().unwrap_or(8000);
    let frames = rate as usize * 60;
    bencher.counter(ItemsCount::new(60usize)).bench_local(|| {
        let mut channels: Vec<Channel<'_>> = legs.iter().map(|leg| leg.channel(rate)).collect();
        let mut window = vec![0; 2 * WINDOW_FRAMES];
        for _ in 0..frames / WINDOW_FRAMES {
            window.fill(0);
            for (number, channel) in channels.iter_mut().enumerate() {
                channel.fill(&mut window, number);
            }
        }
        black_box_drop(channels);
    });
}

/// A minute of packets of 20 ms.
struct Leg {
    codec: Codec,
    payloads: Vec<Vec<u8>>,
}

impl Leg {
    fn new(name: &str) -> Leg {
        let clock_rate = if name == "OPUS" { 48_000 } else { 8000 };
        let codec = Codec::registered(name, clock_rate, 1, "").expect("a codec");
        let mut rng = 1u32;
        let octets = match name {
            "GSM" => 33,
            "G726-32" => 80,
            _ => 160,
        };
        let mut noise = || {
            rng = rng.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (rng >> 24) as u8
        };
        let payload = |_| (0..octets).map(|_| noise()).collect();
        let payloads =
            if name == "OPUS" { spoken_opus() } else { (0..MINUTE_PACKETS).map(payload).collect() };
        Leg { codec, payloads }
    }

    fn channel(&self, rate: u32) -> Channel<'_> {
        Channel::new(&|| self.cues(rate), &[self.codec.sample_rate()], &vec![], rate)
    }

    fn cues(&self, rate: u32) -> Cues<'_> {
        let payloads = (0u64..).zip(&self.payloads);
        let cues = payloads.map(move |(n, payload)| {
            let samples = self.codec.samples_in(payload) as u32;
            let (at, sound) = (n * u64::from(rate) / 50, Sound::Payload(payload));
            Cue { at, codec: self.codec, sound, samples, stream: 0, after_loss: false }
        });
        Cues::new(cues)
    }
}

/// The packets of `fixtures/codecs/opus_speech.bin`, over and over.
fn spoken_opus() -> Vec<Vec<u8>> {
    let mut rest: &[u8] = include_bytes!("../../fixtures/codecs/opus_speech.bin");
    let mut packets = Vec::new();
    while let [high, low, more @ ..] = rest {
        let (packet, more) = more.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        packets.push(packet.to_vec());
        rest = more;
    }
    packets.iter().cycle().take(MINUTE_PACKETS).cloned().collect()
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
        sound: Sound::Payload(payload),
        samples: payload.len() as u32,
        stream: 0,
        after_loss: n > 0 && !came(n - 1),
    };
    packets.iter().enumerate().filter(|(n, _)| came(*n)).map(cue).collect()
}
