//! A cursor over the fields of a handshake message (RFC 8446, section 3): every take is checked.

/// What is left to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `len` octets.
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of one octet.
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1).and_then(<[u8]>::first).copied()
    }

    /// A number of two octets.
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take(2).and_then(<[u8]>::first_chunk).map(|octets| u16::from_be_bytes(*octets))
    }

    /// A vector whose length stands in one octet before it.
    pub(crate) fn vector_8(&mut self) -> Option<Reader<'a>> {
        let len = self.u8()?;
        self.take(len.into()).map(Reader)
    }

    /// A vector whose length stands in two octets before it.
    pub(crate) fn vector_16(&mut self) -> Option<Reader<'a>> {
        let len = self.u16()?;
        self.take(len.into()).map(Reader)
    }

    /// A 32-octet random.
    pub(crate) fn random(&mut self) -> Option<[u8; 32]> {
        self.take(32).and_then(<[u8]>::first_chunk).copied()
    }

    /// The extensions, each with its number; the list ends where one is cut.
    pub(crate) fn extensions(mut self) -> impl Iterator<Item = (u16, Reader<'a>)> {
        std::iter::from_fn(move || Some((self.u16()?, self.vector_16()?)))
    }
}
