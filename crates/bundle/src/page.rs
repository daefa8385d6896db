//! The pages of a bundle: HTML that needs no network, no server and no script.

use std::fmt::Write;

use clock::Time;
use store::{EndReason, Party, Provenance, Record};

use crate::strip::{self, colour};
use crate::words::{escaped, short};

/// What a page of many calls says of one.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) folder: String,
    invited_at: Option<Time>,
    from: String,
    to: String,
    outcome: &'static str,
    talked_s: Option<f64>,
    flags: String,
}

impl Line {
    pub(crate) fn of(record: &Record, folder: &str) -> Line {
        Line {
            folder: folder.to_owned(),
            invited_at: record.invited_at,
            from: who(&record.caller),
            to: who(&record.callee),
            outcome: record.outcome.as_str(),
            talked_s: record.duration_s.map(store::Seconds::value),
            flags: record.flags.iter().cloned().collect::<Vec<_>>().join(", "),
        }
    }
}

/// The page of all calls.
pub(crate) fn all(lines: &[Line], note: &str) -> String {
    let mut html = head(&format!("{} recorded calls", lines.len()));
    let _ = writeln!(html, "<h1>{} recorded calls</h1>\n{}", lines.len(), paragraph(note));
    html += "<table><tr><th>Invited (UTC)<th>From<th>To<th>Outcome<th class=\"n\">Talked<th>Flags</tr>\n";
    for line in lines {
        let _ = writeln!(
            html,
            "<tr><td><a href=\"{}/index.html\">{}</a><td>{}<td>{}<td>{}<td class=\"n\">{}<td>{}</tr>",
            escaped(&line.folder),
            time(line.invited_at),
            short(&line.from, 60),
            short(&line.to, 60),
            line.outcome,
            line.talked_s.map_or_else(|| "–".to_owned(), |s| format!("{s:.1} s")),
            short(&line.flags, 120),
        );
    }
    html + "</table>\n" + FOOT
}

/// What stands on the page of one call beside its record.
pub(crate) struct Parts<'a> {
    pub(crate) record: &'a Record,
    /// The names of its audio files, as a browser finds them from here.
    pub(crate) audio: &'a [String],
    /// The names of all its files.
    pub(crate) files: &'a [String],
    /// The figures by the second.
    pub(crate) series: &'a str,
    /// Its signalling, as SVG.
    pub(crate) ladder: Option<&'a str>,
    pub(crate) note: &'a str,
}

/// The page of one call.
pub(crate) fn one(parts: &Parts<'_>) -> String {
    let record = parts.record;
    let title = format!("{} to {}", who(&record.caller), who(&record.callee));
    let mut html = head(&title);
    let _ = writeln!(html, "<h1>{}</h1>\n{}", short(&title, 120), paragraph(parts.note));
    html += &facts(record);
    sound(&mut html, parts);
    findings(&mut html, record);
    streams(&mut html, record);
    written(&mut html, record);
    if let Some(ladder) = parts.ladder {
        let _ = writeln!(html, "<h2>Signalling</h2>\n<div class=\"wide\">{ladder}</div>");
    }
    html += "<h2>Files</h2>\n<ul>\n";
    for name in parts.files {
        let name = escaped(name);
        let _ = writeln!(html, "<li><a href=\"{name}\">{name}</a>");
    }
    html + "</ul>\n" + FOOT
}

fn facts(record: &Record) -> String {
    let status = record.status_code.map_or_else(String::new, |code| format!(", status {code}"));
    let end = record.end_reason.map_or("–", EndReason::as_str);
    let seconds =
        |s: Option<store::Seconds>| s.map_or_else(|| "–".to_owned(), |s| format!("{:.3} s", s.value()));
    let facts = [
        ("Call", escaped(record.id.as_str())),
        ("Call-ID", short(&record.call_id, 200)),
        ("Caller", party(&record.caller)),
        ("Callee", party(&record.callee)),
        ("Invited", time(record.invited_at)),
        ("Answered", format!("{}, after {}", time(record.answered_at), seconds(record.setup_s))),
        ("Ended", format!("{}, talked {}", time(record.ended_at), seconds(record.duration_s))),
        ("State", format!("{}, {end}{status}", record.state)),
        ("Outcome", record.outcome.as_str().to_owned()),
        ("Flags", short(&record.flags.iter().cloned().collect::<Vec<_>>().join(", "), 300)),
    ];
    let rows: String =
        facts.iter().filter(|(_, told)| !told.is_empty()).map(|(name, told)| row(name, told)).collect();
    format!("<table class=\"facts\">{rows}</table>\n")
}

fn sound(html: &mut String, parts: &Parts<'_>) {
    if parts.audio.is_empty() {
        html.push_str("<p>There is no audio of this call.</p>\n");
        return;
    }
    html.push_str("<h2>Sound</h2>\n");
    for name in parts.audio {
        let name = escaped(name);
        let _ = writeln!(html, "<audio controls preload=\"metadata\" src=\"{name}\"></audio>");
    }
    if let Some(strip) = strip::draw(parts.record, parts.series) {
        html.push_str(&strip);
        html.push_str("<p class=\"key\">");
        for kind in Provenance::ALL {
            if parts.record.provenance.iter().any(|interval| interval.kind == *kind) {
                let _ = write!(
                    html,
                    "<span><i style=\"background:{}\"></i>{}</span> ",
                    colour(*kind),
                    kind.as_str()
                );
            }
        }
        html.push_str("</p>\n");
    }
}

fn findings(html: &mut String, record: &Record) {
    let digits = record.legs.iter().flat_map(|leg| leg.dtmf.iter().map(move |key| (leg.role.as_str(), key)));
    let digits: String = digits
        .map(|(who, key)| {
            format!(
                "<tr><td>{}<td>{who}<td>dialled {}<td>{} ms, {}</tr>\n",
                time(Some(key.at)),
                escaped(&key.digit.to_string()),
                key.duration_ms,
                key.method.as_str()
            )
        })
        .collect();
    let found: String = record
        .findings
        .iter()
        .map(|finding| {
            let channel = match finding.channel {
                Some(0) => "caller",
                Some(_) => "callee",
                None => "both",
            };
            format!(
                "<tr><td>{:.2} s to {:.2} s<td>{channel}<td>{}<td>{}</tr>\n",
                finding.from_s.value(),
                finding.to_s.value(),
                finding.flag.as_str(),
                finding.value.value()
            )
        })
        .collect();
    if !digits.is_empty() || !found.is_empty() {
        let _ = writeln!(html, "<h2>Found in it</h2>\n<table>{digits}{found}</table>");
    }
}

fn streams(html: &mut String, record: &Record) {
    let mut rows = String::new();
    for leg in &record.legs {
        for stream in &leg.streams {
            let _ = writeln!(
                rows,
                "<tr><td>{}<td>{} &rarr; {}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{:.1} ms<td>{}</tr>",
                leg.role.as_str(),
                stream.source,
                stream.destination,
                short(stream.codec.as_deref().unwrap_or("?"), 30),
                stream.packets,
                stream.lost,
                stream.jitter_ms.mean.value(),
                short(&stream.matched.rule, 40),
            );
        }
        if let Some(mos) = &leg.mos {
            let told = format!("{:.2} ({})", mos.value.value(), short(&mos.model, 20));
            let _ = writeln!(rows, "<tr><td>{}<td colspan=\"6\">MOS {told}</tr>", leg.role.as_str());
        }
    }
    if !rows.is_empty() {
        let head = "<tr><th>Of<th>Way<th>Codec<th class=\"n\">Packets<th class=\"n\">Lost<th class=\"n\">Jitter<th>Matched by</tr>";
        let _ = writeln!(html, "<h2>Streams</h2>\n<table>{head}\n{rows}</table>");
    }
}

/// What people attached.
fn written(html: &mut String, record: &Record) {
    let tags: String =
        record.tags.iter().map(|(key, value)| row(&short(key, 64), &short(value, 1000))).collect();
    let notes: String = record
        .notes
        .iter()
        .map(|note| {
            row(&format!("{}, {}", time(Some(note.at)), short(&note.actor, 40)), &short(&note.text, 10_000))
        })
        .collect();
    if !tags.is_empty() || !notes.is_empty() {
        let _ = writeln!(html, "<h2>Tags and notes</h2>\n<table class=\"facts\">{tags}{notes}</table>");
    }
}

fn row(name: &str, told: &str) -> String {
    format!("<tr><th>{name}<td>{told}</tr>\n")
}

fn who(party: &Party) -> String {
    party.user.as_deref().or(party.uri.as_deref()).unwrap_or("unknown").to_owned()
}

fn party(party: &Party) -> String {
    let display = party.display.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
    short(&format!("{display}<{}>", party.uri.as_deref().unwrap_or("–")), 200)
}

fn time(at: Option<Time>) -> String {
    at.map_or_else(|| "–".to_owned(), |at| at.format_utc("%Y-%m-%d %H:%M:%S.%3f"))
}

fn paragraph(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!("<p>{}</p>", escaped(note)) }
}

/// Nothing is fetched by it: no font, no script, no picture from elsewhere; a browser that honours the policy would refuse.
fn head(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; media-src 'self' file:; \
         style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>{STYLE}</style></head><body>\n",
        short(title, 120)
    )
}

const FOOT: &str =
    "<p class=\"key\">README.txt tells what the files are, and how to check them.</p>\n</body></html>\n";

const STYLE: &str = "
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8884;overflow-wrap:anywhere}
th{font-weight:600}.facts th{width:9rem}.n{text-align:right;font-variant-numeric:tabular-nums}
audio{width:100%;margin:.3rem 0}.wide{overflow-x:auto}.key{font-size:13px;opacity:.75}
.key span{margin-right:1em}.key i{display:inline-block;width:.8em;height:.8em;margin-right:.35em;border-radius:2px}
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::tests::record;

    fn page(record: &Record) -> String {
        one(&Parts {
            record,
            audio: &["call.wav".to_owned()],
            files: &["call.wav".to_owned(), "call.json".to_owned()],
            series: "",
            ladder: Some("<svg></svg>"),
            note: "",
        })
    }

    #[test]
    fn a_page_asks_nothing_of_any_network() {
        let html = page(&record()) + &all(&[Line::of(&record(), "id")], "");
        for word in ["http://", "https://", "<script", "url(", "@import", "<iframe", "<link"] {
            let ours = html.replace("http://www.w3.org/2000/svg", "");
            assert!(!ours.contains(word), "{word}");
        }
    }

    #[test]
    fn a_crafted_call_is_no_markup() {
        let mut record = record();
        record.caller.user = Some("<img src=x onerror=alert(1)>".into());
        record.caller.display = Some("\"><script>".into());
        record.call_id = "</table><h1>\u{202e}".into();
        record.tags.insert("k".into(), "<b>".into());
        record.legs[0].streams[0].codec = Some("<i>".into());
        let html = page(&record) + &all(&[Line::of(&record, "id")], "<u>");
        for word in ["<img", "<script", "</table><h1>", "<b>", "<i>", "<u>", "\u{202e}"] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn a_call_without_audio_says_so() {
        let mut silent = record();
        silent.recording = None;
        let parts =
            Parts { record: &silent, audio: &[], files: &[], series: "", ladder: None, note: "Masked." };
        let html = one(&parts);
        assert!(
            html.contains("There is no audio") && html.contains("<p>Masked.</p>") && !html.contains("<audio")
        );
    }
}
