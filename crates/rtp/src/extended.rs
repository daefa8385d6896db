//! Extended reports (RFC 3611): the blocks of statistics (section 4.6) and of VoIP metrics (section 4.7). What other
//! blocks say is not read; they are told of by number.

use crate::compound::Rtcp;
use crate::id::Ssrc;

/// A block of an extended report.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum ExtendedBlock {
    Statistics(StatisticsBlock),
    Voip(VoipBlock),
    /// One that is not read, by whatever reason.
    Other,
}

/// What one receiver counted of a stream since its report before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StatisticsBlock {
    pub(crate) subject: Ssrc,
    pub(crate) lost: Option<u32>,
    pub(crate) duplicates: Option<u32>,
    /// The mean and the highest, in ticks of the subject's clock.
    pub(crate) jitter: Option<(u32, u32)>,
}

/// How one receiver fared as a telephone. What it does not know is `None`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct VoipBlock {
    pub(crate) subject: Ssrc,
    /// Shares from 0 to 1.
    pub(crate) loss_ratio: f64,
    pub(crate) discard_ratio: f64,
    pub(crate) burst_density: f64,
    pub(crate) gap_density: f64,
    pub(crate) round_trip_ms: Option<u16>,
    pub(crate) end_system_delay_ms: Option<u16>,
    pub(crate) signal_dbm0: Option<i8>,
    pub(crate) noise_dbm0: Option<i8>,
    pub(crate) echo_return_loss_db: Option<u8>,
    pub(crate) r: Option<u8>,
    /// From 1 to 5.
    pub(crate) mos_lq: Option<f64>,
    pub(crate) mos_cq: Option<f64>,
    pub(crate) jitter_buffer_ms: u16,
}

/// The reporter of an extended report, and its blocks.
pub(crate) fn blocks<'a>(packet: &Rtcp<'a>) -> Option<(Ssrc, impl Iterator<Item = ExtendedBlock> + use<'a>)> {
    if packet.packet_type != EXTENDED_REPORT {
        return None;
    }
    let (reporter, mut rest) = packet.body.split_first_chunk()?;
    let blocks = std::iter::from_fn(move || {
        let (&[block_type, specific, high, low], behind) = rest.split_first_chunk()?;
        let length = 4 * usize::from(u16::from_be_bytes([high, low]));
        let (body, next) = behind.split_at_checked(length)?;
        rest = next;
        let read = match block_type {
            STATISTICS => statistics(specific, body).map(ExtendedBlock::Statistics),
            VOIP => voip(body).map(ExtendedBlock::Voip),
            _ => None,
        };
        Some(read.unwrap_or(ExtendedBlock::Other))
    });
    Some((Ssrc(u32::from_be_bytes(*reporter)), blocks))
}

/// ```text
/// |     BT=6      |L|D|J|ToH|rsvd.|       block length = 9        |
/// |                        SSRC of source                         |
/// |          begin_seq            |             end_seq           |
/// |                        lost_packets                           |
/// |                        dup_packets                            |
/// |          min_jitter, max_jitter, mean_jitter, dev_jitter, 32 bits each
/// ```
fn statistics(flags: u8, body: &[u8]) -> Option<StatisticsBlock> {
    let word = |n: usize| Some(u32::from_be_bytes(*body.get(4 * n..)?.first_chunk()?));
    let told = |flag: u8, value: u32| (flags & flag != 0).then_some(value);
    // All of them stand there, told or not.
    word(8)?;
    Some(StatisticsBlock {
        subject: Ssrc(word(0)?),
        lost: told(0x80, word(2)?),
        duplicates: told(0x40, word(3)?),
        jitter: told(0x20, word(6)?).zip(word(5)),
    })
}

/// ```text
/// |                        SSRC of source                         |
/// |   loss rate   | discard rate  | burst density |  gap density  |
/// |       burst duration          |         gap duration          |
/// |     round trip delay          |       end system delay        |
/// | signal level  |  noise level  |     RERL      |     Gmin      |
/// |   R factor    | ext. R factor |    MOS-LQ     |    MOS-CQ     |
/// |   RX config   |   reserved    |          JB nominal           |
/// |          JB maximum           |          JB abs max           |
/// ```
fn voip(body: &[u8]) -> Option<VoipBlock> {
    let &[
        a,
        b,
        c,
        d,
        loss,
        discard,
        burst,
        gap,
        _,
        _,
        _,
        _,
        trip_high,
        trip_low,
        delay_high,
        delay_low,
        signal,
        noise,
        echo,
        _,
        r,
        _,
        lq,
        cq,
        _,
        _,
        buffer_high,
        buffer_low,
        ..,
    ] = body.first_chunk::<32>()?;
    let share = |count: u8| f64::from(count) / 256.0;
    let known = |value: u8| (value != UNKNOWN).then_some(value);
    let some = |ms: u16| (ms > 0).then_some(ms);
    let mos = |tenths: u8| (10..=50).contains(&tenths).then(|| f64::from(tenths) / 10.0);
    Some(VoipBlock {
        subject: Ssrc(u32::from_be_bytes([a, b, c, d])),
        loss_ratio: share(loss),
        discard_ratio: share(discard),
        burst_density: share(burst),
        gap_density: share(gap),
        round_trip_ms: some(u16::from_be_bytes([trip_high, trip_low])),
        end_system_delay_ms: some(u16::from_be_bytes([delay_high, delay_low])),
        signal_dbm0: known(signal).map(u8::cast_signed),
        noise_dbm0: known(noise).map(u8::cast_signed),
        echo_return_loss_db: known(echo),
        r: known(r).filter(|&r| r <= 100),
        mos_lq: mos(lq),
        mos_cq: mos(cq),
        jitter_buffer_ms: u16::from_be_bytes([buffer_high, buffer_low]),
    })
}

const EXTENDED_REPORT: u8 = 207;
const STATISTICS: u8 = 6;
const VOIP: u8 = 7;
const UNKNOWN: u8 = 127;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::compound::Compound;

    /// One extended report of `reporter` with those blocks: type, what is specific to it, body.
    pub(crate) fn report(reporter: u32, blocks: &[(u8, u8, &[u8])]) -> Vec<u8> {
        let mut body = reporter.to_be_bytes().to_vec();
        for (block_type, specific, bytes) in blocks {
            body.extend([*block_type, *specific, 0, (bytes.len() / 4) as u8]);
            body.extend(*bytes);
        }
        let mut packet = vec![0x80, EXTENDED_REPORT, 0, (body.len() / 4) as u8];
        packet.extend(body);
        packet
    }

    /// VoIP metrics of the stream 7: 5 % lost, 2.5 % thrown away, 110 ms round trip, R 81, MOS 4.1 and 4.0.
    pub(crate) const VOIP_BODY: [u8; 32] = [
        0, 0, 0, 7, 13, 6, 64, 2, 0, 100, 3, 232, 0, 110, 0, 80, 0xeb, 0xba, 127, 16, 81, 127, 41, 40, 0x7f,
        0, 0, 60, 0, 120, 0, 200,
    ];

    const STATISTICS_BODY: [u8; 36] = [
        0, 0, 0, 7, 0, 1, 0, 101, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 80, 0, 0, 0, 16, 0, 0, 0, 9,
        0, 0, 0, 0,
    ];

    fn read(bytes: &[u8]) -> Vec<ExtendedBlock> {
        let packet = Compound::read(bytes).unwrap().packets().next().unwrap();
        let (reporter, blocks) = blocks(&packet).unwrap();
        assert_eq!(reporter, Ssrc(9));
        blocks.collect()
    }

    #[test]
    fn reads_both_kinds_and_passes_over_others() {
        let loss_rle = (1, 0, &[0, 0, 0, 7, 0, 1, 0, 9][..]);
        let told = read(&report(9, &[loss_rle, (7, 0, &VOIP_BODY), (6, 0xe0, &STATISTICS_BODY)]));
        let [ExtendedBlock::Other, ExtendedBlock::Voip(voip), ExtendedBlock::Statistics(statistics)] =
            told[..]
        else {
            panic!("{told:?}")
        };
        assert_eq!(
            (voip.subject, voip.round_trip_ms, voip.end_system_delay_ms),
            (Ssrc(7), Some(110), Some(80))
        );
        assert_eq!(
            (voip.signal_dbm0, voip.noise_dbm0, voip.echo_return_loss_db),
            (Some(-21), Some(-70), None)
        );
        assert_eq!(
            (voip.r, voip.mos_lq, voip.mos_cq, voip.jitter_buffer_ms),
            (Some(81), Some(4.1), Some(4.0), 60)
        );
        assert_eq!((voip.loss_ratio, voip.burst_density), (13.0 / 256.0, 0.25));
        assert_eq!((statistics.lost, statistics.duplicates), (Some(5), Some(2)));
        assert_eq!(statistics.jitter, Some((16, 80)));
    }

    #[test]
    fn what_is_not_told_or_too_short_is_nothing() {
        let told = read(&report(9, &[(6, 0, &STATISTICS_BODY), (7, 0, &VOIP_BODY[..28])]));
        let [ExtendedBlock::Statistics(statistics), ExtendedBlock::Other] = told[..] else {
            panic!("{told:?}")
        };
        assert_eq!((statistics.lost, statistics.duplicates, statistics.jitter), (None, None, None));
        let mut cut = report(9, &[(7, 0, &VOIP_BODY)]);
        cut[11] = 200;
        assert_eq!(read(&cut), []);
    }
}
