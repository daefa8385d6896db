//! Call detail records: a CSV under a line with the names of its columns.

use std::io::Read;

use anyhow::{Context, bail};
use clock::Time;
use serde_json::json;

use crate::cli::Reconcile;

/// Rows that are held at once.
const MOST_ROWS: usize = 1_000_000;
/// Digits in which two numbers have to agree at their ends; a prefix may differ (`+4930...`, `030...`).
const SUFFIX: usize = 6;

/// One row.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Cdr {
    pub(super) line: u64,
    pub(super) call_id: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) at: Option<Time>,
    /// Tags that it gives its call.
    pub(super) attached: Vec<(String, String)>,
}

impl Cdr {
    pub(super) fn to_json(&self) -> String {
        let at = self.at.map(Time::to_rfc3339);
        json!({ "line": self.line, "call_id": self.call_id, "from": self.from, "to": self.to, "time": at })
            .to_string()
    }
}

/// All rows, and how many lines are none.
#[derive(Debug)]
pub(super) struct Cdrs {
    pub(super) rows: Vec<Cdr>,
    pub(super) unreadable: u64,
}

impl Cdrs {
    /// Reads a CSV; commas or semicolons part its columns, as its first line has them.
    pub(super) fn read(mut input: Box<dyn Read>, arguments: &Reconcile) -> anyhow::Result<Cdrs> {
        // Enough for a line of names; the rest is read as it comes.
        let mut head = vec![];
        (&mut input).take(64 << 10).read_to_end(&mut head)?;
        let names = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let delimiter = if names.contains(&b';') && !names.contains(&b',') { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(head.chain(input));
        let columns = Columns::new(reader.byte_headers()?, arguments)?;
        let (mut rows, mut unreadable) = (vec![], 0);
        for record in reader.byte_records() {
            let record = record?;
            if rows.len() >= MOST_ROWS {
                bail!("it has more than {MOST_ROWS} rows; give it in parts");
            }
            match columns.row(&record) {
                Some(row) => rows.push(row),
                None => unreadable += 1,
            }
        }
        Ok(Cdrs { rows, unreadable })
    }
}

/// Which column holds what.
struct Columns {
    call_id: Option<usize>,
    from: Option<usize>,
    to: Option<usize>,
    time: Option<usize>,
    attach: Vec<(usize, String)>,
}

impl Columns {
    fn new(names: &csv::ByteRecord, arguments: &Reconcile) -> anyhow::Result<Columns> {
        let names: Vec<String> = names
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_lowercase())
            .collect();
        let at = |name: &str| names.iter().position(|known| *known == name.to_lowercase());
        let find = |given: &Option<String>, usual: &[&str]| match given {
            Some(name) => at(name).map(Some).with_context(|| format!("it has no column {name:?}")),
            None => Ok(usual.iter().find_map(|name| at(name))),
        };
        let columns = Columns {
            call_id: find(&arguments.call_id, &["call_id", "call-id", "callid", "sip_call_id"])?,
            from: find(&arguments.from, &["from", "caller", "src", "source", "calling"])?,
            to: find(&arguments.to, &["to", "callee", "dst", "destination", "called"])?,
            time: find(&arguments.time, &["time", "start", "calldate", "start_time", "invited_at"])?,
            attach: arguments
                .attach
                .iter()
                .map(|named| {
                    let (column, tag) = named.split_once('=').unwrap_or((named, named));
                    let place = at(column).with_context(|| format!("it has no column {column:?}"))?;
                    store::Tag::new(tag, "").map_err(|why| anyhow::anyhow!("--attach {named}: {why}"))?;
                    Ok((place, tag.to_owned()))
                })
                .collect::<anyhow::Result<_>>()?,
        };
        let has_parties = columns.from.is_some() || columns.to.is_some();
        if columns.call_id.is_none() && !(has_parties && columns.time.is_some()) {
            bail!(
                "its columns tell no Call-ID, and no party with a time; name them by --call-id, --from, --to, --time"
            );
        }
        Ok(columns)
    }

    /// A row with enough to find a call by.
    fn row(&self, record: &csv::ByteRecord) -> Option<Cdr> {
        let text = |place: Option<usize>| {
            let field = record.get(place?)?;
            Some(String::from_utf8_lossy(field).into_owned()).filter(|text| !text.is_empty())
        };
        let attached = self.attach.iter().filter_map(|(place, tag)| Some((tag.clone(), text(Some(*place))?)));
        let row = Cdr {
            line: record.position().map_or(0, csv::Position::line),
            call_id: text(self.call_id),
            from: text(self.from),
            to: text(self.to),
            at: text(self.time).and_then(|text| time(&text)),
            attached: attached.collect(),
        };
        let by_parties = row.at.is_some() && (row.from.is_some() || row.to.is_some());
        (row.call_id.is_some() || by_parties).then_some(row)
    }
}

/// RFC 3339, the same with a blank and without a zone (UTC), or seconds since 1970.
fn time(text: &str) -> Option<Time> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (0.0..1e11)
            .contains(&seconds)
            .then(|| Time::from_ns((seconds * 1e9) as i64))
            .filter(|at| at.as_ns() < i64::MAX);
    }
    Time::from_rfc3339(text).or_else(|| {
        let (day, hour) = text.split_once([' ', 'T'])?;
        Time::from_rfc3339(&format!("{day}T{hour}Z"))
    })
}

/// Whether a name or number of a CDR is that of a party: the same user, or numbers that end alike.
pub(super) fn is_same_party(named: &str, other: &str) -> bool {
    let user = |text: &str| {
        let rest = text.split_once(':').map_or(text, |(_, rest)| rest);
        rest.split(['@', ';', '>']).next().unwrap_or_default().to_lowercase()
    };
    let (named, other) = (user(named), user(other));
    if named == other {
        return !named.is_empty();
    }
    let is_number =
        |text: &str| text.chars().all(|letter| letter.is_ascii_digit() || "+-() .".contains(letter));
    if !is_number(&named) || !is_number(&other) {
        return false;
    }
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let bare = |text: &str| digits(text).trim_start_matches('0').to_owned();
    let (one, two) = (bare(&named), bare(&other));
    one.len().min(two.len()) >= SUFFIX && (one.ends_with(&two) || two.ends_with(&one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_as_people_write_them() {
        let expected = Time::from_rfc3339("2026-01-31T10:15:02Z");
        for text in ["2026-01-31T10:15:02Z", "2026-01-31 10:15:02", "2026-01-31T10:15:02", "1769854502"] {
            assert_eq!(time(text), expected, "{text}");
        }
        assert_eq!(time("2026-01-31T11:15:02+01:00"), expected);
        for text in ["yesterday", "", "-1", "1e300", "nan"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_the_same_whatever_stands_before_them() {
        for (one, other, same) in [
            ("alice", "sip:Alice@example.com", true),
            ("030 1234567", "+49301234567", true),
            ("tel:+49-30-1234567", "sip:0301234567@gw", true),
            ("34567", "1234567", false),
            ("alice", "malice", false),
            ("", "", false),
            ("0301234567", "0301234568", false),
        ] {
            assert_eq!(is_same_party(one, other), same, "{one} {other}");
        }
    }
}
