//! What the far ends reported, as the record tells it: by RTCP with the stream of that SSRC, by SIP with the stream that
//! the report names by SSRC or address.

use call::{Call, VoiceQuality};
use rtp::{Figure, ReceptionFigures, SummaryFigures, VoipFigures};
use sip::voice_quality::{Address, Metrics, QualityReport};
use store::{ReportMethod, Reported};

/// Everything that was reported of `stream`, whose time stamps count `clock_rate` a second.
pub(crate) fn of(call: &Call, stream: &rtp::Stream, clock_rate: u32) -> Vec<Reported> {
    let mut all = Vec::new();
    for told in call.reported.about(stream.ssrc) {
        let reception = told.reception.as_ref().map(|figures| reception(figures, clock_rate));
        let summary = told.summary.as_ref().map(|figures| summary(figures, clock_rate));
        let voip = told.voip.as_deref().map(voip);
        let by_reporter = [reception, summary, voip].into_iter().flatten();
        all.extend(by_reporter.map(|one| Reported { reporter: Some(store::Ssrc(told.reporter.0)), ..one }));
    }
    all.extend(by_sip(call, stream));
    all
}

/// How many reports by SIP fit no stream of the call.
pub(crate) fn unplaced(call: &Call) -> u64 {
    let fits = |told: &VoiceQuality| {
        let mut streams = call::Side::BOTH.iter().flat_map(|&side| call.legs.of(side));
        streams.any(|matched| metrics(&told.report, &matched.stream).is_some())
    };
    call.voice_quality.iter().filter(|told| !fits(told)).count() as u64
}

fn reception(figures: &ReceptionFigures, clock_rate: u32) -> Reported {
    Reported {
        last_at: Some(figures.last_at),
        cumulative_lost: Some(figures.cumulative_lost.into()),
        loss_ratio: figure(figures.loss_ratio),
        jitter_ms: ticks(figures.jitter_ticks, clock_rate),
        rtt_ms: figure(figures.round_trip_ms),
        ..Reported::new(ReportMethod::Rr, figures.reports)
    }
}

fn summary(figures: &SummaryFigures, clock_rate: u32) -> Reported {
    Reported {
        cumulative_lost: i64::try_from(figures.lost).ok(),
        duplicates: Some(figures.duplicates),
        jitter_ms: ticks(figures.jitter_ticks, clock_rate),
        ..Reported::new(ReportMethod::XrStatistics, figures.reports)
    }
}

fn voip(figures: &VoipFigures) -> Reported {
    Reported {
        loss_ratio: figure(figures.loss_ratio),
        discard_ratio: figure(figures.discard_ratio),
        burst_density: figure(figures.burst_density),
        gap_density: figure(figures.gap_density),
        rtt_ms: figure(figures.round_trip_ms),
        end_system_delay_ms: figure(figures.end_system_delay_ms),
        jitter_buffer_ms: figure(figures.jitter_buffer_ms),
        signal_dbm0: figure(figures.signal_dbm0),
        noise_dbm0: figure(figures.noise_dbm0),
        echo_return_loss_db: figure(figures.echo_return_loss_db),
        r: figure(figures.r),
        mos_lq: figure(figures.mos_lq),
        mos_cq: figure(figures.mos_cq),
        ..Reported::new(ReportMethod::XrVoip, figures.reports)
    }
}

fn by_sip(call: &Call, stream: &rtp::Stream) -> Option<Reported> {
    let told = call.voice_quality.iter();
    let told: Vec<_> = told.filter_map(|told| Some((told.at, metrics(&told.report, stream)?))).collect();
    let (last_at, _) = *told.last()?;
    let over = |of: fn(&Metrics) -> Option<f64>, worst: fn(f64, f64) -> f64| {
        let mut all = None;
        told.iter().for_each(|(_, metrics)| Figure::take(&mut all, of(metrics), worst));
        figure(all)
    };
    Some(Reported {
        last_at: Some(last_at),
        loss_ratio: over(|metrics| metrics.loss_percent.map(share), f64::max),
        discard_ratio: over(|metrics| metrics.discard_percent.map(share), f64::max),
        burst_density: over(|metrics| metrics.burst_density_percent.map(share), f64::max),
        gap_density: over(|metrics| metrics.gap_density_percent.map(share), f64::max),
        jitter_ms: over(|metrics| metrics.jitter_ms, f64::max),
        rtt_ms: over(|metrics| metrics.round_trip_ms, f64::max),
        end_system_delay_ms: over(|metrics| metrics.end_system_delay_ms, f64::max),
        jitter_buffer_ms: over(|metrics| metrics.jitter_buffer_ms, f64::max),
        signal_dbm0: over(|metrics| metrics.signal_dbm0, f64::min),
        noise_dbm0: over(|metrics| metrics.noise_dbm0, f64::max),
        echo_return_loss_db: over(|metrics| metrics.echo_return_loss_db, f64::min),
        r: over(|metrics| metrics.r_cq.or(metrics.r_lq), f64::min),
        mos_lq: over(|metrics| metrics.mos_lq, f64::min),
        mos_cq: over(|metrics| metrics.mos_cq, f64::min),
        ..Reported::new(ReportMethod::VqRtcpxr, told.len() as u64)
    })
}

/// What the report says of the stream: as its receiver, or as its sender who heard of it.
fn metrics(report: &QualityReport, stream: &rtp::Stream) -> Option<Metrics> {
    let received = report.received.filter(|_| is_from(&report.remote_address, stream));
    received.or_else(|| report.sent.filter(|_| is_from(&report.local_address, stream)))
}

/// Whether the stream is sent from there. An SSRC that is told decides; phones behind NAT name addresses that nobody sees.
fn is_from(address: &Address, stream: &rtp::Stream) -> bool {
    let source = stream.flow.source;
    let same_host = || address.ip.as_deref().is_some_and(|ip| ip.parse() == Ok(source.address.ip()));
    match address.ssrc.filter(|&ssrc| ssrc != 0) {
        Some(ssrc) => ssrc == stream.ssrc.0,
        None => address.port == Some(source.port) && same_host(),
    }
}

fn share(percent: f64) -> f64 {
    percent / 100.0
}

fn ticks(of: Option<Figure>, clock_rate: u32) -> Option<store::Figure> {
    scaled(of, 1000.0 / f64::from(clock_rate.max(1)))
}

fn figure(of: Option<Figure>) -> Option<store::Figure> {
    scaled(of, 1.0)
}

fn scaled(of: Option<Figure>, by: f64) -> Option<store::Figure> {
    let score = |value: f64| store::Score::new(value * by);
    of.map(|of| store::Figure { last: score(of.last), worst: score(of.worst), mean: score(of.mean()) })
}
