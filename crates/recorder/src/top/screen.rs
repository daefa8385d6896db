//! The terminal's picture of a moment: counts and rates above, then calls in progress, then the last outcomes. Drawn anew
//! each time; what is too much for the terminal is left out at the bottom, and said.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table};

use super::present::{Ended, OpenCall, Present};
use super::rates::Rates;
use crate::status::Dropped;

const HEAD: Style = Style::new().add_modifier(Modifier::BOLD);
const ALARM: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
const PLAIN: Style = Style::new();

/// Draws the moment; `rates` are those since the one before, if there was one.
pub(crate) fn draw(frame: &mut Frame<'_>, present: &Present, rates: Option<Rates>) {
    let parts = [Constraint::Length(SUMMARY_LINES), Constraint::Min(4), Constraint::Length(LAST_LINES)];
    let [above, middle, below] = Layout::vertical(parts).areas(frame.area());
    frame.render_widget(Paragraph::new(summary(present, rates)), above);
    frame.render_widget(open(present, middle), middle);
    frame.render_widget(ended(&present.last), below);
}

const SUMMARY_LINES: u16 = 5;
/// A border with a title, a head, and eight calls.
const LAST_LINES: u16 = 10;

fn summary(present: &Present, rates: Option<Rates>) -> Vec<Line<'static>> {
    let status = &present.status;
    let rate =
        |of: fn(Rates) -> f64| rates.map_or_else(|| "-".to_owned(), |rates| format!("{:.1}", of(rates)));
    let Dropped { interface, kernel, queue, disk } = status.dropped;
    let lost = |count: u64| if count > 0 { ALARM } else { PLAIN };
    let outcomes = status.outcomes.iter().filter(|(_, count)| **count > 0);
    let outcomes: Vec<String> = outcomes.map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let level = if status.disk.level == "fine" { PLAIN } else { ALARM };
    vec![
        Line::from(vec![
            Span::styled("sipreel  ", HEAD),
            Span::raw(format!(
                "{}  up {}  q quits",
                present.at.get(..19).unwrap_or("-"),
                clock(present.uptime_s)
            )),
        ]),
        Line::from(format!(
            "calls    {} in progress, {} seen, {} recorded, {}/s begin, {}/s end",
            status.active,
            status.seen,
            status.recorded,
            rate(|rates| rates.calls),
            rate(|rates| rates.ended)
        )),
        Line::from(vec![
            Span::raw(format!(
                "packets  {}, {}/s; lost {}/s by ",
                status.packets,
                rate(|rates| rates.packets),
                rate(|rates| rates.dropped)
            )),
            Span::styled(format!("interface {interface}"), lost(interface)),
            Span::raw(", "),
            Span::styled(format!("kernel {kernel}"), lost(kernel)),
            Span::raw(", "),
            Span::styled(format!("queue {queue}"), lost(queue)),
            Span::raw(", "),
            Span::styled(format!("disk {disk}"), lost(disk)),
        ]),
        Line::from(vec![
            Span::styled(format!("disk     {}", status.disk.level), level),
            Span::raw(format!(
                ", {} MiB free, {} MiB of audio; journal {:.1} s behind",
                status.disk.free_bytes >> 20,
                status.disk.used_bytes >> 20,
                status.journal.lag_s
            )),
        ]),
        Line::from(format!(
            "outcomes {}",
            if outcomes.is_empty() { "none yet".to_owned() } else { outcomes.join(", ") }
        )),
    ]
}

fn open(present: &Present, area: Rect) -> Table<'static> {
    let rows = present.calls.iter().map(|call: &OpenCall| {
        let talk = call.talk_s.map_or_else(|| "-".to_owned(), clock);
        // Answered, and nothing is heard: what somebody watches for.
        let silent = call.state == "answered" && call.packets == 0;
        let cells = [
            call.caller.clone(),
            call.callee.clone(),
            call.state.clone(),
            clock(call.age_s),
            talk,
            call.streams.to_string(),
            call.packets.to_string(),
            call.id.clone(),
        ];
        Row::new(cells.map(Cell::from)).style(if silent { ALARM } else { PLAIN })
    });
    // Two lines are the border's title and the head.
    let shown = present.calls.len().min(usize::from(area.height.saturating_sub(2))) as u64;
    let rest = present.status.active.saturating_sub(shown);
    let title = if rest > 0 {
        format!("calls in progress, the newest; {rest} more")
    } else {
        "calls in progress".to_owned()
    };
    let widths = [20, 20, 9, 9, 9, 7, 10].map(Constraint::Length);
    let head = ["CALLER", "CALLEE", "STATE", "AGE", "TALK", "STREAMS", "PACKETS", "ID"];
    table(rows, widths.into_iter().chain([Constraint::Min(33)]), head, title)
}

fn ended(last: &[Ended]) -> Table<'static> {
    let rows = last.iter().map(|call| {
        let talk = call.duration_s.map_or_else(|| "-".to_owned(), clock);
        let at = call.ended_at.as_deref().and_then(|at| at.get(11..19)).unwrap_or("-").to_owned();
        let style = if call.outcome.ends_with("_error") { ALARM } else { PLAIN };
        let cells =
            [call.caller.clone(), call.callee.clone(), at, talk, call.outcome.clone(), call.id.clone()];
        Row::new(cells.map(Cell::from)).style(style)
    });
    let widths = [20, 20, 9, 9, 18].map(Constraint::Length);
    let head = ["CALLER", "CALLEE", "ENDED", "TALK", "OUTCOME", "ID"];
    table(rows, widths.into_iter().chain([Constraint::Min(33)]), head, "last outcomes".to_owned())
}

fn table<const N: usize>(
    rows: impl Iterator<Item = Row<'static>>,
    widths: impl Iterator<Item = Constraint>,
    head: [&'static str; N],
    title: String,
) -> Table<'static> {
    let block = Block::new().borders(Borders::TOP).title(title);
    Table::new(rows, widths).header(Row::new(head.map(Cell::from)).style(HEAD)).block(block)
}

/// Hours, minutes and seconds.
fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::style::Color;

    use super::*;
    use crate::status::{Disk, Status};

    fn present(calls: usize) -> Present {
        let mut status = Status {
            seen: 1234,
            active: calls as u64,
            recorded: 1100,
            packets: 987_654,
            ..Status::default()
        };
        status.outcomes.extend([
            ("recorded".to_owned(), 1100),
            ("one_way".to_owned(), 0),
            ("no_media".to_owned(), 4),
        ]);
        status.dropped.kernel = 17;
        status.disk = Disk { free_bytes: 5 << 30, used_bytes: 7 << 20, level: "low".to_owned() };
        let call = |number: usize| OpenCall {
            id: format!("20260131T101502.{number:06}Z-1f2e3d4c"),
            caller: format!("caller{number}"),
            callee: "bob".to_owned(),
            state: "answered".to_owned(),
            age_s: 3725.0,
            talk_s: Some(62.4),
            streams: 2,
            packets: if number == 2 { 0 } else { 6200 },
        };
        let ended = Ended {
            id: "20260131T101400.000000Z-00000000".to_owned(),
            caller: "carol".to_owned(),
            callee: "dave".to_owned(),
            outcome: "storage_error".to_owned(),
            duration_s: Some(7.0),
            ended_at: Some("2026-01-31T10:14:07.000000Z".to_owned()),
        };
        Present {
            at: "2026-01-31T11:17:27.123456Z".to_owned(),
            uptime_s: 90_061.0,
            status,
            calls: (1..=calls).map(call).collect(),
            last: vec![ended],
        }
    }

    fn drawn((width, height): (u16, u16), present: &Present, rates: Option<Rates>) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, present, rates)).unwrap();
        terminal
    }

    #[test]
    fn a_moment_as_it_looks() {
        let rates = Rates { packets: 99_812.5, calls: 3.0, ended: 2.5, dropped: 1.0 };
        insta::assert_snapshot!(drawn((132, 24), &present(3), Some(rates)).backend());
    }

    #[test]
    fn what_is_wrong_is_red() {
        let terminal = drawn((132, 24), &present(3), None);
        let buffer = terminal.backend().buffer();
        let mut red: Vec<String> = vec![String::new(); 24];
        for (line, text) in (0..).zip(&mut red) {
            text.extend(
                (0..132)
                    .map(|column| &buffer[(column, line)])
                    .filter(|cell| cell.fg == Color::Red)
                    .map(ratatui::buffer::Cell::symbol),
            );
        }
        let red: Vec<&str> = red.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        assert_eq!(&red[..2], ["kernel 17", "disk     low"]);
        assert!(
            red[2].starts_with("caller2") && red[3].contains("storage_error") && red.len() == 4,
            "{red:?}"
        );
    }

    #[test]
    fn a_small_terminal_says_what_it_leaves_out() {
        let told = drawn((80, 24), &present(50), None).backend().to_string();
        assert!(told.contains("43 more"), "{told}");
        // The smallest there may be draws something, and does not fail.
        for size in [(1, 1), (20, 3), (300, 100)] {
            drawn(size, &present(50), None);
        }
    }
}
