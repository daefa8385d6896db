//! Reports of voice quality, `application/vq-rtcpxr` (RFC 6035): what a phone says of a call once it is over, or now and
//! then while it lasts. Read leniently: lines in any order, in any case, with or without spaces. What the figures mean for a
//! recording does not belong here.

use crate::message::Message;
use crate::text;

/// The occasion of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occasion {
    /// The session is over, or that part of it is.
    Session,
    /// A while has passed.
    Interval,
    /// Something got bad.
    Alert,
}

/// One report.
#[derive(Clone, PartialEq, Debug)]
pub struct QualityReport {
    /// Why it was made.
    pub occasion: Occasion,
    /// The Call-ID of the call that it is about.
    pub call_id: String,
    /// Whom the reporter names as itself.
    pub local: Option<String>,
    /// Whom it names as the other one.
    pub remote: Option<String>,
    /// Where it receives.
    pub local_address: Address,
    /// Where it receives from.
    pub remote_address: Address,
    /// What it received.
    pub received: Option<Metrics>,
    /// What the other one received, as that told it.
    pub sent: Option<Metrics>,
}

/// One end of the media, as far as it is told.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Address {
    /// The IP address, in text.
    pub ip: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// Who sends from there.
    pub ssrc: Option<u32>,
}

/// The figures of one direction. What is not told is `None`.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Metrics {
    /// Packets lost in the network, in hundredths.
    pub loss_percent: Option<f64>,
    /// Packets that the playout buffer threw away, in hundredths.
    pub discard_percent: Option<f64>,
    /// Lost or thrown away within bursts, in hundredths.
    pub burst_density_percent: Option<f64>,
    /// The same between bursts.
    pub gap_density_percent: Option<f64>,
    /// Between both ends and back.
    pub round_trip_ms: Option<f64>,
    /// Within the reporter.
    pub end_system_delay_ms: Option<f64>,
    /// The interarrival jitter.
    pub jitter_ms: Option<f64>,
    /// The playout buffer.
    pub jitter_buffer_ms: Option<f64>,
    /// The level of speech.
    pub signal_dbm0: Option<f64>,
    /// The level of what is no speech.
    pub noise_dbm0: Option<f64>,
    /// How much of the echo comes back.
    pub echo_return_loss_db: Option<f64>,
    /// The listening and the conversational rating, 0 to 120.
    pub r_lq: Option<f64>,
    /// The conversational rating.
    pub r_cq: Option<f64>,
    /// The listening quality, 1 to 5.
    pub mos_lq: Option<f64>,
    /// The conversational quality.
    pub mos_cq: Option<f64>,
}

/// The report that a request carries: a PUBLISH, mostly, also a NOTIFY, INFO or BYE.
#[must_use]
pub fn report(message: &Message<'_>) -> Option<QualityReport> {
    if message.status().is_some() {
        return None;
    }
    let parts = message.parts();
    let part = parts.iter().find(|part| part.is("application/vq-rtcpxr"))?;
    read(part.bytes)
}

/// Reads the body; `None` where it names no call or holds no figure.
fn read(body: &[u8]) -> Option<QualityReport> {
    let mut report = QualityReport {
        occasion: Occasion::Session,
        call_id: String::new(),
        local: None,
        remote: None,
        local_address: Address::default(),
        remote_address: Address::default(),
        received: None,
        sent: None,
    };
    let mut direction = Direction::Received;
    for line in body.split(|&byte| byte == b'\n').take(MOST_LINES) {
        let line = text::plain(line.get(..LONGEST_LINE).unwrap_or(line));
        let Some((name, value)) = line.split_once(':') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        match name.as_str() {
            "vqsessionreport" => report.occasion = Occasion::Session,
            "vqintervalreport" => report.occasion = Occasion::Interval,
            "vqalertreport" => report.occasion = Occasion::Alert,
            "callid" => report.call_id = value.to_owned(),
            "localid" => report.local = Some(value.to_owned()),
            "remoteid" => report.remote = Some(value.to_owned()),
            "localaddr" => report.local_address = address(value),
            "remoteaddr" => report.remote_address = address(value),
            "localmetrics" => direction = Direction::Received,
            "remotemetrics" => direction = Direction::Sent,
            group => {
                let metrics = match direction {
                    Direction::Received => &mut report.received,
                    Direction::Sent => &mut report.sent,
                };
                for (key, value) in pairs(value) {
                    note(metrics, group, &key, value);
                }
            }
        }
    }
    let told = report.received.is_some() || report.sent.is_some();
    (told && !report.call_id.is_empty()).then_some(report)
}

#[derive(Clone, Copy)]
enum Direction {
    Received,
    Sent,
}

fn note(metrics: &mut Option<Metrics>, group: &str, key: &str, value: &str) {
    let Some(number) = value.parse::<f64>().ok().filter(|number| number.is_finite()) else { return };
    let mut known = metrics.unwrap_or_default();
    // Each has its own number for what it does not know.
    let (place, range) = match (group, key) {
        ("packetloss", "nlr") => (&mut known.loss_percent, 0.0..=100.0),
        ("packetloss", "jdr") => (&mut known.discard_percent, 0.0..=100.0),
        ("burstgaploss", "bld") => (&mut known.burst_density_percent, 0.0..=100.0),
        ("burstgaploss", "gld") => (&mut known.gap_density_percent, 0.0..=100.0),
        ("delay", "rtd") => (&mut known.round_trip_ms, 0.0..=65_534.0),
        ("delay", "esd") => (&mut known.end_system_delay_ms, 0.0..=65_534.0),
        ("delay", "iaj") => (&mut known.jitter_ms, 0.0..=65_534.0),
        ("jitterbuffer", "jbn") => (&mut known.jitter_buffer_ms, 0.0..=65_534.0),
        ("signal", "sl") => (&mut known.signal_dbm0, -120.0..=30.0),
        ("signal", "nl") => (&mut known.noise_dbm0, -120.0..=30.0),
        ("signal", "rerl") => (&mut known.echo_return_loss_db, 0.0..=126.0),
        ("qualityest", "rlq") => (&mut known.r_lq, 0.0..=120.0),
        ("qualityest", "rcq") => (&mut known.r_cq, 0.0..=120.0),
        ("qualityest", "moslq") => (&mut known.mos_lq, 1.0..=5.0),
        ("qualityest", "moscq") => (&mut known.mos_cq, 1.0..=5.0),
        _ => return,
    };
    if range.contains(&number) {
        *place = Some(number);
        *metrics = Some(known);
    }
}

fn address(value: &str) -> Address {
    let mut address = Address::default();
    for (key, value) in pairs(value) {
        match key.as_str() {
            "ip" => address.ip = Some(value.trim_matches(['[', ']']).to_owned()),
            "port" => address.port = value.parse().ok(),
            "ssrc" => address.ssrc = number(value),
            _ => {}
        }
    }
    address
}

/// In hexadecimal, with or without `0x`, as everybody writes it; phones that write it in decimal use more digits.
fn number(value: &str) -> Option<u32> {
    let digits = value.trim_start_matches("0x").trim_start_matches("0X");
    if digits.len() > 8 { value.parse().ok() } else { u32::from_str_radix(digits, 16).ok() }
}

/// `NLR=5.0 JDR = 2.0`: the names in lower case.
fn pairs(value: &str) -> impl Iterator<Item = (String, &str)> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let (name, behind) = rest.split_once('=')?;
        let behind = behind.trim_start();
        let (value, next) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => behind.split_once([' ', '\t', ',', ';']).unwrap_or((behind, "")),
        };
        rest = next;
        Some((name.trim().to_ascii_lowercase(), value.trim()))
    })
}

const MOST_LINES: usize = 200;
const LONGEST_LINE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// In the manner of RFC 6035, section 4.6.2, as phones send it.
    const BODY: &str = "VQSessionReport: CallTerm\r\n\
        CallID: 6dg37f1890463\r\nLocalID: Alice <sip:alice@example.org>\r\nRemoteID: Bill <sip:bill@example.net>\r\n\
        OrigID: Alice <sip:alice@example.org>\r\nLocalGroup: example-phone-55671\r\n\
        LocalAddr: IP=10.10.1.100 PORT=5000 SSRC=1a3b5c7d\r\nRemoteAddr:IP=11.1.1.150 PORT=5002 SSRC=0x2468abcd\r\n\
        LocalMetrics:\r\nTimestamps:START=2004-10-10T18:23:43Z STOP=2004-10-01T18:26:02Z\r\n\
        SessionDesc:PT=18 PD=G729 SR=8000 FD=20 FO=20 FPP=2 PPS=50 FMTP=\"annexb=no\" PLC=3 SSUP=on\r\n\
        JitterBuffer:JBA=3 JBR=2 JBN=40 JBM=80 JBX=120\r\nPacketLoss:NLR=5.0 JDR=2.0\r\n\
        BurstGapLoss:BLD=0 BD=0 GLD=2.0 GD=500 GMIN=16\r\nDelay:RTD=200 ESD=140 SOWD=100 IAJ=2 MAJ=10\r\n\
        Signal:SL=-21 NL=-50 RERL=55\r\nQualityEst:RLQ=90 RCQ=85 EXTRI=90 MOSLQ=4.2 MOSCQ=4.3 QoEEstAlg=P.564\r\n\
        RemoteMetrics:\r\nJitterBuffer:JBA=3 JBR=2 JBN=42 JBM=80 JBX=120\r\nPacketLoss:NLR=1.0 JDR=127\r\n\
        Signal:SL=127 NL=-45 RERL=127\r\nDialogID:1890463548@alice.example.org;to-tag=8472761;from-tag=9123dh311\r\n";

    #[test]
    fn reads_what_phones_send() {
        let report = read(BODY.as_bytes()).unwrap();
        assert_eq!((report.occasion, report.call_id.as_str()), (Occasion::Session, "6dg37f1890463"));
        assert_eq!(report.local.as_deref(), Some("Alice <sip:alice@example.org>"));
        let from = Address { ip: Some("11.1.1.150".into()), port: Some(5002), ssrc: Some(0x2468_abcd) };
        assert_eq!((report.remote_address, report.local_address.ssrc), (from, Some(0x1a3b_5c7d)));
        let received = report.received.unwrap();
        assert_eq!((received.loss_percent, received.discard_percent), (Some(5.0), Some(2.0)));
        assert_eq!((received.round_trip_ms, received.jitter_ms), (Some(200.0), Some(2.0)));
        assert_eq!((received.mos_lq, received.mos_cq, received.r_cq), (Some(4.2), Some(4.3), Some(85.0)));
        assert_eq!((received.signal_dbm0, received.jitter_buffer_ms), (Some(-21.0), Some(40.0)));
        let sent = report.sent.unwrap();
        assert_eq!((sent.loss_percent, sent.discard_percent), (Some(1.0), None), "127 is not known");
        assert_eq!((sent.signal_dbm0, sent.noise_dbm0, sent.echo_return_loss_db), (None, Some(-45.0), None));
    }

    #[test]
    fn spaces_and_case_do_not_matter_and_noise_is_passed_over() {
        let body = "vqintervalreport\r\nVQIntervalReport: x\nCALLID:c\nlocalmetrics:\nPACKETLOSS: nlr = 1.5 ,jdr=nan\n\
                    Delay RTD=5\nQualityEst:MOSLQ=9.9 MOSCQ=x\n=\n:\nRemoteAddr: IP=[2001:db8::1] PORT=x SSRC=4294967295";
        let report = read(body.as_bytes()).unwrap();
        assert_eq!((report.occasion, report.call_id.as_str()), (Occasion::Interval, "c"));
        assert_eq!(report.received, Some(Metrics { loss_percent: Some(1.5), ..Metrics::default() }));
        assert_eq!(report.remote_address.ip.as_deref(), Some("2001:db8::1"));
        assert_eq!((report.remote_address.port, report.remote_address.ssrc), (None, Some(u32::MAX)));
    }

    #[test]
    fn without_a_call_or_a_figure_it_is_none() {
        assert_eq!(read(b"CallID: c\r\nLocalMetrics:\r\n"), None);
        assert_eq!(read(b"LocalMetrics:\r\nPacketLoss:NLR=1\r\n"), None);
        for length in 0..BODY.len() {
            read(&BODY.as_bytes()[..length]);
        }
    }
}
