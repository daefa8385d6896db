//! A table of calls for people: columns as wide as what is in them.

use std::fmt::Write;

use store::Record;

/// The calls as a table with a head.
pub(crate) fn draw(records: &[Record]) -> String {
    let head = ["INVITED", "FROM", "TO", "STATE", "OUTCOME", "TALK", "CODECS", "ID"].map(str::to_owned);
    let rows: Vec<[String; 8]> = std::iter::once(head).chain(records.iter().map(row)).collect();
    align(&rows)
}

/// Rows whose cells stand beneath each other.
pub(crate) fn align<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn row(record: &Record) -> [String; 8] {
    let invited = record.invited_at.map(|at| at.format_utc("%Y-%m-%d %H:%M:%S")).unwrap_or_default();
    let talk = record.duration_s.map_or(0.0, store::Seconds::value);
    let mut codecs: Vec<&str> = Vec::new();
    for codec in record.legs.iter().flat_map(|leg| &leg.streams).filter_map(|stream| stream.codec.as_deref())
    {
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    [
        invited,
        party(&record.caller),
        party(&record.callee),
        record.state.to_string(),
        record.outcome.to_string(),
        if record.answered_at.is_some() || talk > 0.0 { format!("{talk:.1} s") } else { "-".to_owned() },
        if codecs.is_empty() { "-".to_owned() } else { codecs.join(",") },
        record.id.to_string(),
    ]
}

/// The user, or whatever else names the party.
pub(crate) fn party(party: &store::Party) -> String {
    let name = party.user.as_deref().or(party.uri.as_deref()).unwrap_or("-");
    printable(name, 28)
}

/// What came from the network, without what could command a terminal, and not longer than `most`.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let safe = |letter: char| if store::commands(letter) { '?' } else { letter };
    let mut shown: String = text.chars().take(most).map(safe).collect();
    if text.chars().count() > most {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_commands_no_terminal() {
        assert_eq!(printable("a\x1b[2Jb\r\n", 20), "a?[2Jb??");
        assert_eq!(printable("a\u{202e}b", 20), "a?b");
        assert_eq!(printable("0123456789", 5), "0123…");
    }
}
