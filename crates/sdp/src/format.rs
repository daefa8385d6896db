//! Formats of a media description: a payload type and what it stands for (RFC 8866, section 6.6), the static ones of
//! RFC 3551 known without being told.

/// A payload type and its encoding.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Format {
    /// 0 to 127.
    pub payload_type: u8,
    /// The encoding's registered name in upper case: `PCMU`, `G722`, `TELEPHONE-EVENT`, `OPUS`; empty for a dynamic
    /// payload type that no `a=rtpmap` explains.
    pub encoding: String,
    /// Ticks of the RTP clock a second; 0 where the encoding is not known.
    pub clock_rate: u32,
    /// Channels of the encoding.
    pub channels: u8,
    /// Its parameters, as they were sent.
    pub fmtp: Option<String>,
}

impl Format {
    /// The format of a payload type before any `a=rtpmap` was read.
    #[must_use]
    pub fn of(payload_type: u8) -> Format {
        let (encoding, clock_rate, channels) = static_encoding(payload_type).unwrap_or(("", 0, 1));
        Format { payload_type, encoding: encoding.to_owned(), clock_rate, channels, fmtp: None }
    }

    /// Takes over what an `a=rtpmap` says: `opus/48000/2`.
    pub(crate) fn map(&mut self, encoding: &str) {
        let mut parts = encoding.split('/').map(str::trim);
        self.encoding = parts.next().unwrap_or_default().to_ascii_uppercase();
        let clock_rate = parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(DEFAULT_CLOCK_RATE);
        // RFC 3551, section 4.5.2: G.722 samples at 16 kHz and counts at 8 kHz; some say 16000 all the same.
        self.clock_rate = if self.encoding == "G722" { 8000 } else { clock_rate };
        self.channels = parts.next().and_then(|channels| channels.parse().ok()).unwrap_or(1);
    }

    /// Do both stand for the same encoding, whatever their numbers? Two that are not known do if the numbers agree.
    #[must_use]
    pub fn is_same_encoding(&self, other: &Format) -> bool {
        if self.encoding.is_empty() || other.encoding.is_empty() {
            return self.payload_type == other.payload_type;
        }
        self.encoding == other.encoding
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
    }
}

/// What a clock rate that is missing or no number is taken for: that of all narrowband audio.
const DEFAULT_CLOCK_RATE: u32 = 8000;

/// RFC 3551, tables 4 and 5: encoding, clock rate and channels.
const fn static_encoding(payload_type: u8) -> Option<(&'static str, u32, u8)> {
    Some(match payload_type {
        0 => ("PCMU", 8000, 1),
        // Reserved by the RFC, and sent for what RFC 1890 gave it to.
        2 => ("G726-32", 8000, 1),
        3 => ("GSM", 8000, 1),
        4 => ("G723", 8000, 1),
        5 => ("DVI4", 8000, 1),
        6 => ("DVI4", 16000, 1),
        7 => ("LPC", 8000, 1),
        8 => ("PCMA", 8000, 1),
        9 => ("G722", 8000, 1),
        10 => ("L16", 44100, 2),
        11 => ("L16", 44100, 1),
        12 => ("QCELP", 8000, 1),
        // 19 is reserved by the RFC; Cisco gateways sent comfort noise with it.
        13 | 19 => ("CN", 8000, 1),
        14 => ("MPA", 90000, 1),
        15 => ("G728", 8000, 1),
        16 => ("DVI4", 11025, 1),
        17 => ("DVI4", 22050, 1),
        18 => ("G729", 8000, 1),
        25 => ("CELB", 90000, 1),
        26 => ("JPEG", 90000, 1),
        28 => ("NV", 90000, 1),
        31 => ("H261", 90000, 1),
        32 => ("MPV", 90000, 1),
        33 => ("MP2T", 90000, 1),
        34 => ("H263", 90000, 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(payload_type: u8, encoding: &str) -> (String, u32, u8) {
        let mut format = Format::of(payload_type);
        format.map(encoding);
        (format.encoding, format.clock_rate, format.channels)
    }

    #[test]
    fn knows_static_payload_types() {
        assert_eq!(Format::of(8).encoding, "PCMA");
        assert_eq!((Format::of(9).clock_rate, Format::of(10).channels), (8000, 2));
        assert_eq!((Format::of(96).encoding.as_str(), Format::of(96).clock_rate), ("", 0));
    }

    #[test]
    fn reads_maps() {
        assert_eq!(mapped(111, "opus/48000/2"), ("OPUS".to_owned(), 48000, 2));
        assert_eq!(mapped(101, "telephone-event"), ("TELEPHONE-EVENT".to_owned(), 8000, 1));
        assert_eq!(mapped(9, "G722/16000"), ("G722".to_owned(), 8000, 1));
        assert_eq!(mapped(97, "x/99999999999/999"), ("X".to_owned(), 8000, 1));
    }
}
