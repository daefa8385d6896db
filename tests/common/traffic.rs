//! Calls that go on while a test does: both parties speak A-law that no other call has, into the standard input of a
//! recorder.

use std::io::Write;
use std::process::ChildStdin;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Recorded;

pub(crate) const PTIME: Duration = Duration::from_millis(20);

/// A xorshift generator: the same moments each time.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A capture that grows on the recorder's standard input.
#[derive(Debug)]
pub(crate) struct Feed {
    stdin: ChildStdin,
}

impl Feed {
    pub(crate) fn begin(mut stdin: ChildStdin) -> Feed {
        let header: [u32; 6] = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 65_535, 101];
        stdin.write_all(&header.map(u32::to_le_bytes).concat()).expect("it reads");
        Feed { stdin }
    }

    pub(crate) fn send(&mut self, [source, destination]: [(u8, u16); 2], payload: &[u8]) {
        let length = u16::try_from(28 + payload.len()).expect("it fits").to_be_bytes();
        let udp = u16::try_from(8 + payload.len()).expect("it fits").to_be_bytes();
        let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, 17, 0, 0];
        packet.extend([10, 0, 0, source.0, 10, 0, 0, destination.0]);
        packet.extend([source.1.to_be_bytes(), destination.1.to_be_bytes(), udp, [0, 0]].concat());
        packet.extend(payload);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let length = u32::try_from(packet.len()).expect("it fits");
        let header = [now.as_secs() as u32, now.subsec_nanos(), length, length];
        let record = [header.map(u32::to_le_bytes).concat(), packet].concat();
        self.stdin.write_all(&record).expect("it reads");
    }
}

/// One call of the traffic, both of whose parties speak all the time.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) packets: u16,
    /// When it hangs up.
    pub(crate) length: u16,
    pub(crate) began: Instant,
    /// When its parties began to speak.
    pub(crate) since: Option<Instant>,
}

pub(crate) const CALLER: u8 = 1;
pub(crate) const CALLEE: u8 = 2;

impl Call {
    pub(crate) fn id(&self) -> String {
        format!("call-{}@crash.example", self.number)
    }

    fn port(&self, party: u8) -> u16 {
        20_000 + 4 * u16::try_from(self.number % 5000).expect("it fits") + if party == CALLER { 0 } else { 2 }
    }

    pub(crate) fn way(&self, from: u8) -> [(u8, u16); 2] {
        let to = if from == CALLER { CALLEE } else { CALLER };
        [(from, self.port(from)), (to, self.port(to))]
    }

    fn sdp(&self, party: u8) -> String {
        let port = self.port(party);
        format!(
            "v=0\r\no=- 1 1 IN IP4 10.0.0.{party}\r\ns=-\r\nc=IN IP4 10.0.0.{party}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
        )
    }

    fn message(&self, start: &str, method: &str, cseq: u32, body: &str) -> Vec<u8> {
        let (number, id) = (self.number, self.id());
        let to_tag = if start.starts_with("INVITE") { "" } else { ";tag=b" };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{start}\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK{number}-{cseq}\r\nFrom: <sip:a{number}@10.0.0.1>;tag=a\r\n\
             To: <sip:b@10.0.0.2>{to_tag}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    pub(crate) fn set_up(&self, feed: &mut Feed) {
        let (there, back) = ([(CALLER, 5060), (CALLEE, 5060)], [(CALLEE, 5060), (CALLER, 5060)]);
        feed.send(there, &self.message("INVITE sip:b@10.0.0.2 SIP/2.0", "INVITE", 1, &self.sdp(CALLER)));
        feed.send(back, &self.message("SIP/2.0 200 OK", "INVITE", 1, &self.sdp(CALLEE)));
        feed.send(there, &self.message("ACK sip:b@10.0.0.2 SIP/2.0", "ACK", 1, ""));
    }

    pub(crate) fn hang_up(&self, feed: &mut Feed) {
        let (there, back) = ([(CALLER, 5060), (CALLEE, 5060)], [(CALLEE, 5060), (CALLER, 5060)]);
        feed.send(there, &self.message("BYE sip:b@10.0.0.2 SIP/2.0", "BYE", 2, ""));
        feed.send(back, &self.message("SIP/2.0 200 OK", "BYE", 2, ""));
    }

    /// A-law that no other call and no other packet has, and never a silent one.
    fn payload(&self, party: u8, packet: u16) -> [u8; 160] {
        let mut random = Random(self.number << 24 | u64::from(packet) << 4 | u64::from(party));
        random.below(1);
        std::array::from_fn(|_| random.below(256) as u8)
    }

    pub(crate) fn speak(&mut self, feed: &mut Feed) {
        for party in [CALLER, CALLEE] {
            let [high, low] = self.packets.to_be_bytes();
            let ticks = (u32::from(self.packets) * 160).to_be_bytes();
            let ssrc = (self.number as u32 * 2 + u32::from(party)).to_be_bytes();
            let header = [&[0x80, 8, high, low][..], &ticks, &ssrc].concat();
            feed.send(self.way(party), &[&header, &self.payload(party, self.packets)[..]].concat());
        }
        self.packets += 1;
    }

    /// Sends what was said by now: a phone's clock goes on where this program halts, and what it held up comes late.
    fn keep_up(&mut self, feed: &mut Feed) {
        let since = *self.since.get_or_insert_with(Instant::now);
        while since + PTIME * u32::from(self.packets) <= Instant::now() {
            self.speak(feed);
        }
    }

    /// What is to be heard of a party in the packets from the first to `end`.
    pub(crate) fn samples(&self, party: u8, end: u16) -> Vec<i16> {
        (0..end).flat_map(|packet| self.payload(party, packet)).map(g711).collect()
    }

    pub(crate) fn new(number: u64) -> Call {
        Call { number, packets: 0, length: u16::MAX, began: Instant::now(), since: None }
    }

    /// Both parties are heard as they spoke, for so many packets.
    pub(crate) fn assert_audio(&self, recorded: &Recorded, packets: u16) {
        let wav = recorded.wav();
        for (channel, party) in [(0, CALLER), (1, CALLEE)] {
            let (spoken, heard) = (self.samples(party, packets), &wav.channels[channel]);
            let beginning = &spoken[..spoken.len().min(160)];
            let at = heard.windows(beginning.len()).position(|window| window == beginning);
            let at = at.unwrap_or_else(|| panic!("{}: channel {channel} is silent", self.id()));
            let whole = heard[at..].iter().zip(&spoken).take_while(|(heard, spoken)| heard == spoken).count();
            let of = spoken.len();
            assert!(whole == of, "{}: channel {channel}: {whole} of {of} samples stand in a row", self.id());
        }
    }
}

/// Has those calls speak for so long.
pub(crate) fn speak(feed: &mut Feed, calls: &mut [&mut Call], time: Duration) {
    let (begun, mut tick) = (Instant::now(), Instant::now());
    while begun.elapsed() < time {
        calls.iter_mut().for_each(|call| call.keep_up(feed));
        tick += PTIME;
        thread::sleep(tick.saturating_duration_since(Instant::now()));
    }
}

/// ITU-T G.711 A-law, by another's table.
fn g711(byte: u8) -> i16 {
    audio_codec_algorithms::decode_alaw(byte)
}
