//! A message (RFC 3261, section 7), borrowed from the bytes it came in: framing, headers and the accessors of what
//! a recording hangs on. What single headers mean stands in the files of their names, bodies in `body`.

use std::borrow::Cow;
use std::fmt;

use crate::cseq::CSeq;
use crate::header::HeaderName;
use crate::lines::{self, Cut};
use crate::list;
use crate::method::Method;
use crate::name_address::NameAddress;
use crate::start_line::{self, StartLine};
use crate::text;
use crate::via::{self, Via};

/// A message, read once; after that no accessor can fail.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    start: StartLine<'a>,
    fields: Vec<Field<'a>>,
    omitted: usize,
    /// Everything behind the head.
    tail: &'a [u8],
    /// How much of `tail` is the body.
    body_length: usize,
    /// How much of the body did not come.
    missing: usize,
    /// Was the empty line seen that ends the head?
    head_ended: bool,
    length: usize,
}

#[derive(Clone, Copy, Debug)]
struct Field<'a> {
    kind: HeaderName,
    name: &'a [u8],
    value: &'a [u8],
}

/// Most messages have fewer headers than this: room for them is made at once.
const USUAL_FIELDS: usize = 24;

impl<'a> Message<'a> {
    /// How many headers are kept. Behind them the first Call-ID, From, To, CSeq, Via, Contact, Content-Type and
    /// Content-Length are still found; the others are only counted.
    pub const MOST_HEADERS: usize = 2048;

    /// Reads the message at the start of `bytes`, past any CRLF keep-alives. What follows its body is left alone:
    /// see [`Message::len`].
    ///
    /// # Errors
    /// Where the first line is that of no SIP message. Behind a good first line nothing is an error.
    pub fn read(bytes: &'a [u8]) -> Result<Message<'a>, ReadError> {
        let whole = start_line::skip_keep_alives(bytes);
        if whole.is_empty() {
            return Err(ReadError::Empty { length: bytes.len() });
        }
        let (line, rest, ended) = lines::split_line(whole);
        let start = StartLine::read(line)?;
        let mut message = Message {
            start,
            fields: Vec::with_capacity(USUAL_FIELDS),
            omitted: 0,
            tail: &[],
            body_length: 0,
            missing: 0,
            head_ended: false,
            length: 0,
        };
        if ended {
            message.read_head(rest);
        }
        message.measure_body();
        message.length = bytes.len() - message.tail.len() + message.body_length;
        Ok(message)
    }

    fn read_head(&mut self, mut rest: &'a [u8]) {
        loop {
            match lines::cut_field(rest) {
                Cut::Field { field, rest: after } => {
                    self.take_field(field);
                    rest = after;
                }
                Cut::End { rest } => {
                    self.head_ended = true;
                    self.tail = rest;
                    return;
                }
                Cut::Missing => return,
            }
        }
    }

    /// A line without a colon says nothing that could be asked for.
    fn take_field(&mut self, line: &'a [u8]) {
        let Some(colon) = lines::position(b':', line) else { return };
        let Some((name, value)) = line.split_at_checked(colon) else { return };
        let name = text::trim(name);
        let kind = HeaderName::of(name);
        let room = self.fields.len() < Self::MOST_HEADERS;
        if room || (kind.is_essential() && self.first(kind).is_none()) {
            self.fields.push(Field { kind, name, value: value.get(1..).unwrap_or_default() });
        } else {
            self.omitted += 1;
        }
    }

    /// RFC 3261, section 18.3: Content-Length where it is a number, else all that came.
    fn measure_body(&mut self) {
        let promised = self.content_length().unwrap_or(self.tail.len());
        self.body_length = promised.min(self.tail.len());
        self.missing = if self.head_ended { promised - self.body_length } else { 0 };
    }

    /// The request line or the status line.
    #[must_use]
    pub fn start(&self) -> &StartLine<'a> {
        &self.start
    }

    /// The method of a request, or of the request that a response answers.
    #[must_use]
    pub fn method(&self) -> Option<Method> {
        match self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Status { .. } => self.cseq().map(|cseq| cseq.method),
        }
    }

    /// The code of a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.start {
            StartLine::Request { .. } => None,
            StartLine::Status { code, .. } => Some(code),
        }
    }

    /// Every value of a header in the order sent, unfolded, compact forms among them. Where the header is a list
    /// ([`HeaderName::is_list`]) values joined by commas come one by one.
    pub fn header(&self, name: HeaderName) -> impl Iterator<Item = Cow<'a, str>> + use<'_, 'a> {
        let fields = self.fields.iter().filter(move |field| field.kind == name);
        fields.flat_map(move |field| Values::of(text::value(field.value), name.is_list()))
    }

    /// Every value of a header by its name in any case, compact or long: for those [`HeaderName`] does not know.
    /// Nothing is split at commas.
    pub fn named<'n>(&self, name: &'n str) -> impl Iterator<Item = Cow<'a, str>> + use<'_, 'a, 'n> {
        let kind = HeaderName::of(name.as_bytes());
        let same = move |field: &&Field<'a>| match kind {
            HeaderName::Other => field.name.eq_ignore_ascii_case(name.as_bytes()),
            known => field.kind == known,
        };
        self.fields.iter().filter(same).map(|field| text::value(field.value))
    }

    /// Every header as it was sent, name and value, in order.
    pub fn headers(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'_, 'a> {
        self.fields.iter().map(|field| (text::plain(field.name), text::value(field.value)))
    }

    /// The parties a header names: P-Asserted-Identity, Diversion, Contact, Refer-To, ...
    pub fn addresses(&self, name: HeaderName) -> impl Iterator<Item = NameAddress> + use<'_, 'a> {
        self.header(name).map(|value| NameAddress::read(&value))
    }

    /// The Call-ID, which names a dialog only together with both tags.
    #[must_use]
    pub fn call_id(&self) -> Option<Cow<'a, str>> {
        self.value(HeaderName::CallId)
    }

    /// Who sent the request.
    #[must_use]
    pub fn from(&self) -> Option<NameAddress> {
        self.first(HeaderName::From).map(|value| NameAddress::read(&text::value(value)))
    }

    /// Whom the request was meant for.
    #[must_use]
    pub fn to(&self) -> Option<NameAddress> {
        self.first(HeaderName::To).map(|value| NameAddress::read(&text::value(value)))
    }

    /// Number and method of the transaction.
    #[must_use]
    pub fn cseq(&self) -> Option<CSeq> {
        self.first(HeaderName::CSeq).and_then(|value| CSeq::read(&text::value(value)))
    }

    /// The topmost Via: the hop that sent these bytes, or that a response goes to.
    #[must_use]
    pub fn via(&self) -> Option<Via> {
        self.header(HeaderName::Via).next().map(|value| Via::read(&value))
    }

    /// The branch of the topmost Via, which names the transaction.
    #[must_use]
    pub fn branch(&self) -> Option<Cow<'a, str>> {
        let top = self.header(HeaderName::Via).next()?;
        via::branch(&top)?;
        Some(text::map(top, |top| via::branch(top).unwrap_or_default()))
    }

    /// The first Contact: where the sender wants to be reached.
    #[must_use]
    pub fn contact(&self) -> Option<NameAddress> {
        self.addresses(HeaderName::Contact).next()
    }

    /// The type of the body, parameters and all.
    #[must_use]
    pub fn content_type(&self) -> Option<Cow<'a, str>> {
        self.value(HeaderName::ContentType)
    }

    /// The body: as long as Content-Length says, less where less came, all that came where it says nothing sane.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.tail.get(..self.body_length).unwrap_or(self.tail)
    }

    /// The bytes this message took, the line ends before it among them; the next one, if any, begins there.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a message that was read has a first line")]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Did the bytes stop before the head or the body did? What came is there all the same.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        !self.head_ended || self.missing > 0
    }

    /// How many headers were not kept.
    #[must_use]
    pub fn omitted_headers(&self) -> usize {
        self.omitted
    }

    pub(crate) fn head_ended(&self) -> bool {
        self.head_ended
    }

    pub(crate) fn missing(&self) -> usize {
        self.missing
    }

    /// The first Content-Length that is a number; signs, words and what no machine could hold are none.
    pub(crate) fn content_length(&self) -> Option<usize> {
        self.named("Content-Length").find_map(|value| value.parse().ok())
    }

    /// The body and, where no message follows it, all that does: middle boxes that rewrite an address in a body are
    /// known to leave Content-Length as it was.
    pub(crate) fn generous_body(&self) -> &'a [u8] {
        let surplus = self.tail.get(self.body_length..).unwrap_or_default();
        if start_line::sniff(surplus) { self.body() } else { self.tail }
    }

    /// Where the body begins in the bytes the message was read from.
    pub(crate) fn body_offset(&self) -> usize {
        self.length - self.body_length
    }

    fn first(&self, kind: HeaderName) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.kind == kind).map(|field| field.value)
    }

    fn value(&self, kind: HeaderName) -> Option<Cow<'a, str>> {
        self.first(kind).map(text::value).filter(|value| !value.is_empty())
    }
}

/// The values of one header line.
enum Values<'a> {
    Whole(Option<Cow<'a, str>>),
    Borrowed(list::Split<'a>),
    Owned(std::vec::IntoIter<String>),
}

impl<'a> Values<'a> {
    fn of(value: Cow<'a, str>, is_list: bool) -> Values<'a> {
        match value {
            _ if !is_list => Values::Whole(Some(value)),
            Cow::Borrowed(text) => Values::Borrowed(list::split(text, b',')),
            Cow::Owned(text) => {
                let values: Vec<String> = list::split(&text, b',').map(str::to_owned).collect();
                Values::Owned(values.into_iter())
            }
        }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        match self {
            Values::Whole(value) => value.take(),
            Values::Borrowed(values) => values.find(|value| !value.is_empty()).map(Cow::Borrowed),
            Values::Owned(values) => values.find(|value| !value.is_empty()).map(Cow::Owned),
        }
    }
}

/// Why bytes are no message. All of them are bad input: count them and carry on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// Nothing but line ends: a keep-alive.
    Empty {
        /// How many bytes there were.
        length: usize,
    },
    /// The first line is neither a request line nor a status line.
    StartLine {
        /// How long that line is.
        length: usize,
    },
    /// The request is one of another version of SIP.
    Version {
        /// How long the version is.
        length: usize,
    },
    /// The status is no number of three digits from 100 to 699.
    StatusCode {
        /// How much stands behind the version.
        length: usize,
    },
}

impl ReadError {
    /// Every [`ReadError::kind`], for the labels of metrics.
    pub const KINDS: [&'static str; 4] = ["empty", "start_line", "version", "status_code"];

    /// The error as a metric's label.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            ReadError::Empty { .. } => "empty",
            ReadError::StartLine { .. } => "start_line",
            ReadError::Version { .. } => "version",
            ReadError::StatusCode { .. } => "status_code",
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Empty { length } => write!(f, "{length} bytes of line ends and no message"),
            ReadError::StartLine { length } => write!(f, "a first line of {length} bytes that is not SIP's"),
            ReadError::Version { length } => write!(f, "a version of SIP other than 2.0, in {length} bytes"),
            ReadError::StatusCode { length } => write!(f, "no status code in {length} bytes"),
        }
    }
}

impl std::error::Error for ReadError {}
