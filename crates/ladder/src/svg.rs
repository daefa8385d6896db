//! The ladder as a picture for a page: SVG 1.1, with the colours of whatever it stands in.

use std::fmt::Write;

use crate::hosts::Hosts;
use crate::step::Step;
use crate::text;

/// Columns between two hosts' lines, in pixels, and where the first one is.
const GAP: usize = 260;
const LEFT: usize = 230;
/// Where the first message is, and how much room one takes without and with a second line.
const TOP: usize = 60;
const ROW: usize = 30;
const DETAIL: usize = 15;
/// As many characters fit into a line of the picture's width.
const CHARACTER: usize = 7;

/// Draws the steps.
pub(crate) fn draw(steps: &[Step], omitted: u64) -> String {
    let hosts = Hosts::of(steps);
    let rows: usize = steps.iter().map(|step| ROW + step.detail.as_ref().map_or(0, |_| DETAIL)).sum();
    let width = LEFT + GAP * hosts.endpoints.len().saturating_sub(1) + 150;
    let (bottom, more) = (TOP + rows, if omitted > 0 { ROW } else { 0 });
    let height = bottom + 20 + more;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"ui-sans-serif, system-ui, sans-serif\" font-size=\"12\" \
         fill=\"currentColor\" role=\"img\">\n<title>The call's signalling</title>\n"
    );
    let Some(first) = steps.first() else {
        return svg + "<text x=\"10\" y=\"20\">no signalling</text>\n</svg>\n";
    };
    let date = first.at.format_utc("%Y-%m-%d UTC");
    text(&mut svg, (10, 24), "start", 0.6, &date);
    for (place, host) in hosts.endpoints.iter().enumerate() {
        let x = LEFT + place * GAP;
        text(&mut svg, (x, 24), "middle", 1.0, &host.to_string());
        line(&mut svg, (x, 34), (x, bottom + 6), 0.3);
    }
    let mut y = TOP;
    for step in steps {
        message(&mut svg, &hosts, step, first, y);
        y += ROW + step.detail.as_ref().map_or(0, |_| DETAIL);
    }
    if omitted > 0 {
        text(&mut svg, (10, y + 20), "start", 0.6, &format!("and {omitted} more messages"));
    }
    svg + "</svg>\n"
}

/// One message at the height `y`: its time, its arrow, its words.
fn message(svg: &mut String, hosts: &Hosts, step: &Step, first: &Step, y: usize) {
    let (source, destination) = hosts.places(step);
    let (from, to) = (LEFT + source * GAP, LEFT + destination * GAP);
    let again = if step.retransmission { " (again)" } else { "" };
    let opacity = if step.retransmission { 0.55 } else { 1.0 };
    let since = (step.at - first.at).as_secs_f64();
    text(svg, (10, y + 4), "start", 0.6, &format!("{}  {since:+.3}", step.at.format_utc("%H:%M:%S.%3f")));
    let middle = if from == to { from + 60 } else { usize::midpoint(from, to) };
    text(svg, (middle, y - 4), "middle", opacity, &(step.label.clone() + again));
    if let Some(detail) = &step.detail {
        let room = from.abs_diff(to).max(GAP) / CHARACTER + 16;
        text(svg, (middle, y + 14), "middle", 0.6, &text::fit(detail, room));
    }
    if from == to {
        line(svg, (from, y), (from + 24, y), opacity);
    } else {
        line(svg, (from, y), (to, y), opacity);
        let back = if to > from { to - 8 } else { to + 8 };
        let (above, below) = (y - 4, y + 4);
        let _ = writeln!(svg, "<path d=\"M{to} {y}L{back} {above}L{back} {below}Z\" opacity=\"{opacity}\"/>");
    }
}

fn line(svg: &mut String, (x1, y1): (usize, usize), (x2, y2): (usize, usize), opacity: f32) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"currentColor\" opacity=\"{opacity}\"/>"
    );
}

/// Words from the network stand here: what is not plain is disarmed, and what SVG would read is escaped.
fn text(svg: &mut String, (x, y): (usize, usize), anchor: &str, opacity: f32, words: &str) {
    let words = text::fit(words, 200).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" opacity=\"{opacity}\" xml:space=\"preserve\">{words}</text>"
    );
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use clock::{Span, Time};
    use flow::Flow;

    use super::*;

    fn step(ms: i64, from: &str, to: &str, label: &str) -> Step {
        let endpoint = |text: &str| text.parse::<SocketAddr>().unwrap().into();
        Step {
            at: Time::from_rfc3339("2026-01-31T10:15:02.123456Z").unwrap() + Span::from_ms(ms),
            flow: Flow::new(endpoint(from), endpoint(to)),
            label: label.to_owned(),
            detail: None,
            retransmission: false,
        }
    }

    const ALICE: &str = "192.0.2.1:5060";
    const BOB: &str = "203.0.113.12:5062";

    #[test]
    fn every_message_is_an_arrow_from_its_sender() {
        let svg = draw(&[step(0, ALICE, BOB, "INVITE"), step(2900, BOB, ALICE, "200 OK (INVITE)")], 3);
        assert!(svg.contains("<path d=\"M490 60L482 56L482 64Z\" opacity=\"1\"/>"), "{svg}");
        assert!(svg.contains("<path d=\"M230 90L238 86L238 94Z\" opacity=\"1\"/>"), "{svg}");
        assert!(svg.contains("10:15:05.023  +2.900") && svg.contains("and 3 more messages"), "{svg}");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn what_the_network_says_is_no_markup() {
        let svg = draw(&[step(0, ALICE, ALICE, "<script>&\x1b")], 0);
        assert!(svg.contains("&lt;script&gt;&amp;?") && !svg.contains("<script"), "{svg}");
        assert!(draw(&[], 0).contains("no signalling"));
    }
}
