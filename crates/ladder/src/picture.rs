//! The ladder as text: the hosts' lines, the arrows between them, the times beside them.

use clock::Time;

use crate::hosts::{Hosts, Naming, letter};
use crate::step::{LONGEST_DETAIL, LONGEST_LABEL, Step};
use crate::text;

/// Draws the steps in `width` columns.
pub(crate) fn draw(steps: &[Step], omitted: u64, width: usize) -> String {
    const NARROWEST: usize = 40;
    const WIDEST: usize = 500;
    let Some(first) = steps.first() else { return "no signalling\n".to_owned() };
    let hosts = Hosts::of(steps);
    let times = Times::of(first.at, steps);
    let width = width.clamp(NARROWEST, WIDEST);
    let room = width.saturating_sub(times.width);
    let fitting =
        hosts.namings().into_iter().find_map(|naming| Some((lanes(&naming, times.width, room)?, naming)));
    let mut drawn = match fitting {
        Some((lanes, naming)) => Picture { lanes, width, times, hosts }.draw(steps, &naming),
        None => list(steps, &hosts, &times, width),
    };
    if omitted > 0 {
        drawn += &format!("... and {omitted} more messages\n");
    }
    drawn
}

/// The columns of the hosts' lines, the names centred above them; `None` where they do not fit.
fn lanes(naming: &Naming, left: usize, room: usize) -> Option<Vec<usize>> {
    // An arrow needs some length to be seen; a longer one than this only takes the ends apart.
    const LEAST_GAP: usize = 10;
    const MOST_GAP: usize = 48;
    let name = naming.width();
    let gaps = naming.names.len().saturating_sub(1).max(1);
    let gap = (room.checked_sub(name)? / gaps).min(MOST_GAP);
    let fits = gap >= LEAST_GAP.max(name + 2);
    fits.then(|| (0..naming.names.len()).map(|place| left + name / 2 + place * gap).collect())
}

/// What stands at the left: the time of day, and the seconds since the first message.
struct Times {
    first: Time,
    since_width: usize,
    width: usize,
}

impl Times {
    fn of(first: Time, steps: &[Step]) -> Times {
        let since_width = steps.iter().map(|step| since(first, step.at).len()).max().unwrap_or_default();
        Times { first, since_width, width: "HH:MM:SS.mmm  ".len() + since_width + 2 }
    }

    fn show(&self, at: Time) -> String {
        let (clock, since) = (at.format_utc("%H:%M:%S.%3f"), since(self.first, at));
        format!("{clock}  {since:>width$}  ", width = self.since_width)
    }

    fn date(&self) -> String {
        self.first.format_utc("%Y-%m-%d UTC")
    }
}

fn since(first: Time, at: Time) -> String {
    format!("{:+.3}", (at - first).as_secs_f64())
}

fn label(step: &Step) -> String {
    let again = if step.retransmission { " (again)" } else { "" };
    text::fit(&step.label, LONGEST_LABEL) + again
}

fn detail(step: &Step) -> Option<String> {
    step.detail.as_deref().map(|detail| text::fit(detail, LONGEST_DETAIL))
}

/// A line a message, for more hosts than can stand beside each other.
fn list(steps: &[Step], hosts: &Hosts, times: &Times, width: usize) -> String {
    let mut drawn = format!("{}\n{}\n", times.date(), hosts.legend());
    let name = letter(hosts.endpoints.len().saturating_sub(1)).len();
    let indent = times.width + 2 * name + " >   ".len();
    for step in steps {
        let (source, destination) = hosts.places(step);
        let (source, destination) = (letter(source), letter(destination));
        let time = times.show(step.at);
        let line = format!("{time}{source:>name$} > {destination:<name$}  {}", label(step));
        drawn += &(text::fit(&line, width) + "\n");
        if let Some(detail) = detail(step) {
            drawn += &(text::fit(&format!("{:indent$}{detail}", ""), width) + "\n");
        }
    }
    drawn
}

struct Picture {
    /// The column of each host's line.
    lanes: Vec<usize>,
    width: usize,
    times: Times,
    hosts: Hosts,
}

impl Picture {
    fn draw(&self, steps: &[Step], naming: &Naming) -> String {
        let mut drawn = if naming.by_letter { self.hosts.legend() + "\n" } else { String::new() };
        for line in 0..naming.height() {
            drawn += &self.header(naming, line);
        }
        drawn += &self.row().finish();
        for step in steps {
            drawn += &self.step(step);
        }
        drawn + &self.row().finish()
    }

    fn header(&self, naming: &Naming, line: usize) -> String {
        let mut row = Row::new(self.width);
        if line == 0 {
            row.put(0, &self.times.date());
        }
        for (lane, name) in self.lanes.iter().zip(&naming.names) {
            let name = name.get(line).map_or("", String::as_str);
            row.put(lane - name.len() / 2, name);
        }
        row.finish()
    }

    /// The arrow with the label in its midst, or beneath the label where that is too long; below it the detail.
    fn step(&self, step: &Step) -> String {
        let (source, destination) = self.hosts.places(step);
        let lane = |place: usize| self.lanes.get(place).copied().unwrap_or_default();
        let (from, to) = (lane(source), lane(destination));
        let (left, right) = (from.min(to), from.max(to));
        let label = label(step);
        let mut arrow = self.row();
        let mut drawn = String::new();
        if from == to {
            arrow.put(left, "├┤ ");
            arrow.write(left + 3, &label);
        } else {
            arrow.arrow(left, right, from < to);
            // Two spaces around the label, and on both sides something left of the shaft.
            if label.chars().count() + 7 <= right - left {
                arrow.put_between(left, right, &format!(" {label} "));
            } else {
                drawn += &self.remark(left, right, &label);
            }
        }
        arrow.put(0, &self.times.show(step.at));
        drawn += &arrow.finish();
        if let Some(detail) = detail(step) {
            drawn += &self.remark(left, right, &detail);
        }
        drawn
    }

    /// A line of text: between two hosts' lines, or across others where it is longer, on the side that has the room.
    fn remark(&self, left: usize, right: usize, text: &str) -> String {
        let mut row = self.row();
        let (length, last) = (text.chars().count(), self.lanes.last().copied().unwrap_or_default());
        if length + 3 <= right - left {
            row.put_between(left, right, text);
        } else if left + length + 3 > last && right > self.times.width + length + 1 {
            row.write(right - length - 1, text);
        } else {
            row.write(left + 2, text);
        }
        row.finish()
    }

    /// Nothing but the hosts' lines.
    fn row(&self) -> Row {
        let mut row = Row::new(self.width);
        for lane in &self.lanes {
            row.put(*lane, "│");
        }
        row
    }
}

/// One line of the picture, a character a cell.
struct Row(Vec<char>);

impl Row {
    fn new(width: usize) -> Row {
        Row(vec![' '; width])
    }

    /// Writes text over what is there; what does not fit is cut.
    fn put(&mut self, at: usize, text: &str) {
        for (cell, character) in self.0.iter_mut().skip(at).zip(text.chars()) {
            *cell = character;
        }
    }

    /// Writes text with a space on each side, further to the left where it would not fit.
    fn write(&mut self, at: usize, text: &str) {
        let length = text.chars().count();
        let at = at.min(self.0.len().saturating_sub(length));
        self.put(at.saturating_sub(1), &format!(" {text} "));
    }

    /// Writes text in the middle between two columns.
    fn put_between(&mut self, left: usize, right: usize, text: &str) {
        let room = (right - left).saturating_sub(1 + text.chars().count());
        self.put(left + 1 + room / 2, text);
    }

    fn arrow(&mut self, left: usize, right: usize, rightwards: bool) {
        for cell in self.0.iter_mut().take(right).skip(left + 1) {
            *cell = if *cell == '│' { '┼' } else { '─' };
        }
        if rightwards {
            self.put(left, "├");
            self.put(right - 1, ">");
        } else {
            self.put(left + 1, "<");
            self.put(right, "┤");
        }
    }

    fn finish(self) -> String {
        let line: String = self.0.into_iter().collect();
        line.trim_end().to_owned() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use clock::Span;
    use flow::Flow;

    use super::*;

    const ALICE: &str = "192.0.2.1:5060";
    const PROXY: &str = "198.51.100.7:5060";
    const BOB: &str = "203.0.113.12:5062";

    fn step(ms: i64, from: &str, to: &str, label: &str, detail: Option<&str>) -> Step {
        let endpoint = |text: &str| text.parse::<SocketAddr>().unwrap().into();
        Step {
            at: Time::from_rfc3339("2026-01-31T10:15:02.123456Z").unwrap() + Span::from_ms(ms),
            flow: Flow::new(endpoint(from), endpoint(to)),
            label: label.to_owned(),
            detail: detail.map(str::to_owned),
            retransmission: false,
        }
    }

    #[track_caller]
    fn assert_drawn(drawn: &str, expected: &str) {
        assert_eq!(drawn, expected.trim_start_matches('\n'), "\n{drawn}");
    }

    #[test]
    fn two_parties() {
        let mut again = step(500, ALICE, BOB, "INVITE", Some("SDP PCMU/PCMA 192.0.2.1:4000 sendrecv"));
        again.retransmission = true;
        let steps = [
            step(0, ALICE, BOB, "INVITE", Some("SDP PCMU/PCMA 192.0.2.1:4000 sendrecv")),
            again,
            step(612, BOB, ALICE, "180 Ringing", None),
            step(2900, BOB, ALICE, "200 OK (INVITE)", Some("SDP PCMU 203.0.113.12:30000 sendrecv")),
            step(2950, ALICE, BOB, "ACK", None),
            step(63_000, BOB, ALICE, "BYE", None),
        ];
        assert_drawn(&draw(&steps, 0, 100), TWO_PARTIES);
    }

    #[test]
    fn three_parties() {
        let steps = [
            step(0, ALICE, PROXY, "INVITE", Some("SDP PCMU/PCMA 192.0.2.1:4000 sendrecv")),
            step(1, PROXY, ALICE, "100 Trying", None),
            step(2, PROXY, BOB, "INVITE", Some("SDP PCMU/PCMA 192.0.2.1:4000 sendrecv")),
            step(900, BOB, PROXY, "480 Temporarily Unavailable (INVITE)", None),
            step(901, PROXY, ALICE, "480 Temporarily Unavailable (INVITE)", None),
            step(905, ALICE, BOB, "MESSAGE", None),
            step(906, PROXY, PROXY, "OPTIONS", None),
        ];
        assert_drawn(&draw(&steps, 2, 100), THREE_PARTIES);
    }

    const TWO_PARTIES: &str = "
2026-01-31 UTC          192.0.2.1:5060                                 203.0.113.12:5062
                               │                                               │
10:15:02.123   +0.000          ├─────────────────── INVITE ───────────────────>│
                               │     SDP PCMU/PCMA 192.0.2.1:4000 sendrecv     │
10:15:02.623   +0.500          ├─────────────── INVITE (again) ───────────────>│
                               │     SDP PCMU/PCMA 192.0.2.1:4000 sendrecv     │
10:15:02.735   +0.612          │<──────────────── 180 Ringing ─────────────────┤
10:15:05.023   +2.900          │<────────────── 200 OK (INVITE) ───────────────┤
                               │     SDP PCMU 203.0.113.12:30000 sendrecv      │
10:15:05.073   +2.950          ├───────────────────── ACK ────────────────────>│
10:16:05.123  +63.000          │<──────────────────── BYE ─────────────────────┤
                               │                                               │
";

    const THREE_PARTIES: &str = "
2026-01-31 UTC         192.0.2.1:5060               198.51.100.7:5060             203.0.113.12:5062
                              │                             │                             │
10:15:02.123  +0.000          ├────────── INVITE ──────────>│                             │
                              │ SDP PCMU/PCMA 192.0.2.1:4000 sendrecv                     │
10:15:02.124  +0.001          │<─────── 100 Trying ─────────┤                             │
10:15:02.125  +0.002          │                             ├────────── INVITE ──────────>│
                              │                     SDP PCMU/PCMA 192.0.2.1:4000 sendrecv │
                              │                      480 Temporarily Unavailable (INVITE) │
10:15:03.023  +0.900          │                             │<────────────────────────────┤
                              │ 480 Temporarily Unavailable (INVITE)                      │
10:15:03.024  +0.901          │<────────────────────────────┤                             │
10:15:03.028  +0.905          ├───────────────────────── MESSAGE ────────────────────────>│
10:15:03.029  +0.906          │                             ├┤ OPTIONS                    │
                              │                             │                             │
... and 2 more messages
";

    /// A chain of proxies that hands an INVITE on.
    fn chain(hosts: usize) -> Vec<Step> {
        let host = |place| format!("203.0.113.{}:5060", 100 + place);
        (1..hosts).map(|place| step(place as i64, &host(place - 1), &host(place), "INVITE", None)).collect()
    }

    #[test]
    fn five_hosts_are_named_in_two_lines() {
        let drawn = draw(&chain(5), 0, 100);
        let [first, second, ..] = drawn.lines().collect::<Vec<_>>()[..] else { panic!("{drawn}") };
        assert!(first.contains("203.0.113.100") && first.contains("203.0.113.104"), "{drawn}");
        assert_eq!(second.matches(":5060").count(), 5, "{drawn}");
        assert_eq!(drawn.matches("── INVITE ──").count(), 4, "{drawn}");
    }

    #[test]
    fn more_hosts_are_named_by_letters() {
        let drawn = draw(&chain(7), 0, 100);
        assert!(drawn.starts_with("   A  203.0.113.100:5060\n   B  203.0.113.101:5060\n"), "{drawn}");
        let bars = drawn.lines().last().unwrap();
        assert_eq!(bars.matches('│').count(), 7, "{drawn}");
    }

    #[test]
    fn too_many_hosts_make_a_list() {
        let mut steps = chain(40);
        steps[1].detail = Some("SDP PCMA 192.0.2.1:4000 sendrecv".to_owned());
        let drawn = draw(&steps, 0, 100);
        assert!(drawn.starts_with("2026-01-31 UTC\n   A  203.0.113.100:5060\n"), "{drawn}");
        let listed = "
10:15:02.124  +0.000   A > B   INVITE
10:15:02.125  +0.001   B > C   INVITE
                               SDP PCMA 192.0.2.1:4000 sendrecv
";
        assert!(drawn.contains(listed), "{drawn}");
        assert!(drawn.ends_with("AM > AN  INVITE\n"), "{drawn}");
    }

    #[test]
    fn an_arrow_crosses_the_lines_between() {
        let [a, b, c] = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"];
        let long = "a label that stands above its arrow, being long";
        let steps = [step(0, a, b, "INVITE", None), step(0, b, c, "INVITE", None), step(1, c, a, long, None)];
        let drawn = draw(&steps, 0, 60);
        assert!(drawn.contains("│<───────────┼────────────┤"), "{drawn}");
    }

    #[test]
    fn nothing_from_the_network_steers_the_terminal_or_breaks_the_width() {
        let evil = "\x1b[2J\r\n\u{202e}".repeat(400);
        for hosts in [2, 3, 5, 7, 40] {
            for width in [0, 40, 61, 80, 100, 200, usize::MAX] {
                let mut steps = chain(hosts);
                for step in &mut steps {
                    step.label.clone_from(&evil);
                    step.detail = Some(evil.clone());
                }
                steps.push(step(i64::MAX, ALICE, BOB, "BYE", None));
                let drawn = draw(&steps, 0, width);
                assert!(drawn.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{drawn}");
                let widest = drawn.lines().map(|line| line.chars().count()).max().unwrap();
                assert!(widest <= width.clamp(40, 500), "{widest} of {width}\n{drawn}");
            }
        }
    }

    #[test]
    fn long_addresses_still_leave_a_picture() {
        let host = |last| format!("[2001:db8:1234:5678:9abc:def0:1234:{last}]:5060");
        let hosts = ["5678", "5679", "567a"].map(host);
        let [a, b, c] = hosts.each_ref().map(String::as_str);
        let two = draw(&[step(0, a, b, "INVITE", None)], 0, 100);
        assert!(two.contains("  2001:db8:1234:5678:9abc:def0:1234:5679\n"), "{two}");
        assert_eq!(two.matches(" :5060").count(), 2, "{two}");
        let three = draw(&[step(0, a, b, "INVITE", None), step(0, b, c, "INVITE", None)], 0, 100);
        assert!(three.starts_with(&format!("   A  {a}\n   B  {b}\n   C  {c}\n")), "{three}");
        assert_eq!(three.matches("── INVITE ──").count(), 2, "{three}");
    }

    #[test]
    fn nothing_is_said_so() {
        assert_eq!(draw(&[], 0, 100), "no signalling\n");
    }
}
