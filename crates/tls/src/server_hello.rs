//! ServerHello (RFC 5246, section 7.4.1.3; RFC 8446, section 4.1.3): the version and the cipher suite that hold.

use crate::key_log::Random;
use crate::reader::Reader;
use crate::suite::Suite;

/// What is asked of a ServerHello.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ServerHello {
    pub(crate) random: Random,
    pub(crate) version: Version,
    /// `None` where it is none that can be opened.
    pub(crate) suite: Option<Suite>,
    /// The code of a record is made of what is encrypted already (RFC 7366).
    pub(crate) encrypt_then_mac: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Version {
    Tls12,
    Tls13,
    Other,
}

const ENCRYPT_THEN_MAC: u16 = 22;
const SUPPORTED_VERSIONS: u16 = 43;

/// The random of a HelloRetryRequest, which asks for another ClientHello (RFC 8446, section 4.1.3).
const RETRY: Random = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

impl ServerHello {
    /// Reads the body of the message.
    pub(crate) fn read(body: &[u8]) -> Option<ServerHello> {
        let mut fields = Reader(body);
        let mut version = fields.u16()?;
        let random = fields.random()?;
        fields.vector_8()?;
        let suite = fields.u16()?;
        fields.u8()?;
        let mut encrypt_then_mac = false;
        for (number, mut content) in fields.vector_16().into_iter().flat_map(Reader::extensions) {
            match number {
                ENCRYPT_THEN_MAC => encrypt_then_mac = true,
                SUPPORTED_VERSIONS => version = content.u16()?,
                _ => {}
            }
        }
        let (version, suite) = match version {
            0x0303 => (Version::Tls12, Suite::of_12(suite)),
            0x0304 => (Version::Tls13, Suite::of_13(suite)),
            _ => (Version::Other, None),
        };
        Some(ServerHello { random, version, suite, encrypt_then_mac })
    }

    /// Is it no answer yet?
    pub(crate) fn is_retry(&self) -> bool {
        self.random == RETRY
    }
}
