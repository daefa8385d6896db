//! ClientHello (RFC 5246, section 7.4.1.2; RFC 8446, section 4.1.2): the random that names the connection in a key log,
//! and the protocols that the client offers to speak.

use crate::key_log::Random;
use crate::reader::Reader;

/// What is asked of a ClientHello.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ClientHello {
    pub(crate) random: Random,
    /// The names of ALPN (RFC 7301).
    pub(crate) protocols: Vec<Vec<u8>>,
}

const ALPN: u16 = 16;
/// No client offers more.
const MOST_PROTOCOLS: usize = 32;

impl ClientHello {
    /// Reads the body of the message.
    pub(crate) fn read(body: &[u8]) -> Option<ClientHello> {
        let mut fields = Reader(body);
        fields.u16()?;
        let random = fields.random()?;
        fields.vector_8()?;
        fields.vector_16()?;
        fields.vector_8()?;
        let extensions = fields.vector_16().into_iter().flat_map(Reader::extensions);
        let protocols = extensions.filter(|(number, _)| *number == ALPN).flat_map(|(_, mut names)| {
            let mut names = names.vector_16().unwrap_or(Reader(&[]));
            std::iter::from_fn(move || names.vector_8()).map(|name| name.0.to_vec())
        });
        Some(ClientHello { random, protocols: protocols.take(MOST_PROTOCOLS).collect() })
    }
}
