//! A recording at a glance: for each party a strip of where its sound comes from, with its level above, and marks where
//! something was found.

use std::fmt::Write;

use store::{Provenance, Record};

use crate::words::escaped;

const WIDTH: f64 = 960.0;
/// Room for who it is.
const LEFT: f64 = 70.0;
/// How high a party's part is, and its strip.
const PART: f64 = 74.0;
const STRIP: f64 = 12.0;
/// How high its level is drawn; from so many dBov up.
const LEVEL: f64 = 44.0;
const FLOOR_DBOV: f64 = -60.0;
/// More bars than pixels show nothing more.
const MOST_BARS: usize = 960;

/// Draws the recording; nothing where there is none. `series` is the file of figures by the second.
pub(crate) fn draw(record: &Record, series: &str) -> Option<String> {
    let recording = record.recording.as_ref()?;
    let length = recording.duration_s.value();
    if length <= 0.0 {
        return None;
    }
    let place = |second: f64| LEFT + (WIDTH - LEFT) * (second / length).clamp(0.0, 1.0);
    let height = 2.0 * PART + 24.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"100%\" \
         fill=\"currentColor\" font-size=\"12\" role=\"img\">\n<title>Where the sound comes from</title>\n"
    );
    for (channel, who) in ["caller", "callee"].into_iter().enumerate() {
        let top = channel as f64 * PART;
        let base = top + LEVEL + 4.0;
        let _ = writeln!(svg, "<text x=\"0\" y=\"{:.0}\">{who}</text>", base + 4.0);
        for (from, to, dbov) in levels(series, channel) {
            let tall = LEVEL * (1.0 - (dbov / FLOOR_DBOV)).clamp(0.0, 1.0);
            let (x, wide) = (place(from), (place(to) - place(from)).max(0.5));
            let y = base - tall;
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\" opacity=\"0.45\"/>"
            );
        }
        for interval in record.provenance.iter().filter(|interval| usize::from(interval.channel) == channel) {
            let (from, to) = (interval.from_s.value(), interval.to_s.value());
            let (x, wide) = (place(from), (place(to) - place(from)).max(0.5));
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{base:.1}\" width=\"{wide:.1}\" height=\"{STRIP}\" fill=\"{}\">\
                 <title>{} {from:.2} s to {to:.2} s</title></rect>",
                colour(interval.kind),
                interval.kind.as_str(),
            );
        }
        for finding in &record.findings {
            if finding.channel.is_some_and(|its| usize::from(its) != channel) {
                continue;
            }
            let (x, to) = (place(finding.from_s.value()), place(finding.to_s.value()));
            let (y, wide) = (base + STRIP + 2.0, (to - x).max(2.0));
            let told = escaped(finding.flag.as_str());
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"3\" fill=\"#d97706\">\
                 <title>{told}</title></rect>"
            );
        }
    }
    let y = height - 6.0;
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{y}\" opacity=\"0.6\">0 s</text>");
    let _ = writeln!(
        svg,
        "<text x=\"{WIDTH}\" y=\"{y}\" opacity=\"0.6\" text-anchor=\"end\">{length:.1} s</text>"
    );
    Some(svg + "</svg>\n")
}

/// What each kind of sound is drawn in.
pub(crate) const fn colour(kind: Provenance) -> &'static str {
    match kind {
        Provenance::Received => "#15803d",
        Provenance::Concealed => "#ca8a04",
        Provenance::ComfortNoise => "#65a30d",
        Provenance::Silence => "#9ca3af",
        Provenance::Hold => "#6366f1",
        Provenance::Masked => "#111827",
        Provenance::NotCaptured => "#dc2626",
    }
}

/// From when to when a party was how loud: the loudest of as many seconds as a bar stands for.
fn levels(series: &str, channel: usize) -> Vec<(f64, f64, f64)> {
    const COLUMNS: [usize; 2] = [4, 8];
    let column = COLUMNS.get(channel).copied().unwrap_or_default();
    let levels: Vec<Option<f64>> =
        series.lines().skip(1).map(|line| line.split(',').nth(column)?.parse().ok()).collect();
    let each = levels.len().div_ceil(MOST_BARS).max(1);
    let bars = levels.chunks(each).enumerate().filter_map(|(at, bar)| {
        let loudest = bar.iter().flatten().copied().reduce(f64::max)?;
        Some(((at * each) as f64, (at * each + bar.len()) as f64, loudest))
    });
    bars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::tests::record;

    const SERIES: &str = "second,a,b,c,caller_level_dbov,d,e,f,callee_level_dbov\n\
                          0,50,0,0.1,-20.5,50,0,0.2,\n1,50,0,0.1,-30.0,50,0,0.2,-15.0\n";

    #[test]
    fn reads_the_levels_of_each_party() {
        assert_eq!(levels(SERIES, 0), [(0.0, 1.0, -20.5), (1.0, 2.0, -30.0)]);
        assert_eq!(levels(SERIES, 1), [(1.0, 2.0, -15.0)]);
        assert_eq!(levels("", 0), []);
        assert!(levels(&"x,x,x,x,-1,x,x,x,-1\n".repeat(100_000), 0).len() <= MOST_BARS);
    }

    #[test]
    fn every_interval_is_in_the_picture() {
        let record = record();
        let svg = draw(&record, SERIES).unwrap();
        let strips = svg.matches("height=\"12\"").count();
        assert_eq!(strips, record.provenance.len());
        let mut without = record;
        without.recording = None;
        assert_eq!(draw(&without, SERIES), None);
    }
}
