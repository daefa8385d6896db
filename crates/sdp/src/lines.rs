//! A body made fit to be read: only the lines a recorder needs, each of a form that cannot fail, and no more of
//! them than the bounds allow. One bad line thus never costs the others (RFC 8866, section 5).

use std::borrow::Cow;

use crate::address;
use crate::session::{Omitted, Session};

/// The lines that were kept.
#[derive(Default)]
pub(crate) struct Lines<'a> {
    /// A description that holds `v=`, `c=`, `m=` and `a=` lines only.
    pub(crate) text: String,
    /// The value of the first `o=`.
    pub(crate) origin: Option<Cow<'a, str>>,
    /// Was there anything that only a description has?
    pub(crate) is_description: bool,
    pub(crate) omitted: Omitted,
    /// Media descriptions so far, those beyond the bound among them.
    media: usize,
    /// `a=` and `c=` lines of the part being read.
    attributes: usize,
    connections: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(body: &'a [u8]) -> Lines<'a> {
        let mut lines = Lines { text: String::from("v=0\n"), ..Lines::default() };
        for line in body.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
            let Some((&key, value)) = line.split_first() else { continue };
            if let Some(value) = value.trim_ascii_start().strip_prefix(b"=") {
                lines.take(key.to_ascii_lowercase(), value.trim_ascii());
            }
        }
        lines
    }

    fn take(&mut self, key: u8, value: &'a [u8]) {
        match key {
            b'v' => self.is_description = true,
            b'o' if self.origin.is_none() => self.origin = Some(plain(value)),
            b'm' => self.take_media(&plain(value)),
            _ if self.media > Session::MOST_MEDIA => {}
            b'c' => self.take_connection(&plain(value)),
            b'a' => self.take_attribute(&plain(value)),
            _ => {}
        }
    }

    /// A media description must not vanish, or those behind it would be matched with the wrong ones of the answer:
    /// what is missing in it is filled up, a port that is none becomes 0.
    fn take_media(&mut self, value: &str) {
        self.is_description = true;
        self.media += 1;
        (self.attributes, self.connections) = (0, 0);
        if self.media > Session::MOST_MEDIA {
            self.omitted.media += 1;
            return;
        }
        let mut words = value.split_ascii_whitespace();
        let kind = words.next().unwrap_or("-");
        let port = words.next().and_then(|port| port.split('/').next()?.parse().ok()).unwrap_or(0_u16);
        let protocol = words.next().unwrap_or("-");
        self.text.push_str(&format!("m={kind} {port} {protocol} "));
        for (count, format) in words.enumerate() {
            if count < Session::MOST_FORMATS {
                self.text.push_str(format);
                self.text.push(' ');
            } else {
                self.omitted.formats += 1;
            }
        }
        self.text.push('\n');
    }

    /// One a part: the rest are layers of a multicast.
    fn take_connection(&mut self, value: &str) {
        let Some(address) = address::find(value).filter(|_| self.connections == 0) else { return };
        self.connections += 1;
        let version = if address.is_ipv4() { "IP4" } else { "IP6" };
        self.text.push_str(&format!("c=IN {version} {address}\n"));
    }

    fn take_attribute(&mut self, value: &str) {
        if self.attributes == Session::MOST_ATTRIBUTES {
            self.omitted.attributes += 1;
            return;
        }
        self.attributes += 1;
        self.text.push_str("a=");
        self.text.push_str(value);
        self.text.push('\n');
    }
}

/// A value as text: UTF-8 or else Latin-1, without what no line may hold.
fn plain(value: &[u8]) -> Cow<'_, str> {
    if value.contains(&0) || value.contains(&b'\r') {
        let clean: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, 0 | b'\r')).collect();
        return Cow::Owned(plain(&clean).into_owned());
    }
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.iter().copied().map(char::from).collect()),
    }
}
