//! The lines of a message head: CRLF or LF ends one, a line that opens with white space belongs to the one before
//! (RFC 3261, section 7.3.1). Header names are no concern here.

/// Where the first `byte` stands. Looked for in blocks, which a compiler turns into vector compares: this is where
/// the time of reading a message goes.
pub(crate) fn position(byte: u8, bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 16;
    let mut offset = 0;
    let mut blocks = bytes.chunks_exact(BLOCK);
    for block in &mut blocks {
        if block.iter().fold(false, |found, &b| found | (b == byte)) {
            return block.iter().position(|&b| b == byte).map(|at| offset + at);
        }
        offset += BLOCK;
    }
    blocks.remainder().iter().position(|&b| b == byte).map(|at| offset + at)
}

/// Cuts `bytes` after the first line feed: the line without its end, what follows, and whether an end was there.
pub(crate) fn split_line(bytes: &[u8]) -> (&[u8], &[u8], bool) {
    let Some((line, rest)) = position(b'\n', bytes).and_then(|at| bytes.split_at_checked(at)) else {
        return (bytes, &[], false);
    };
    (without_return(line), rest.get(1..).unwrap_or_default(), true)
}

/// One header field with its continuations, cut off `bytes` at the front.
pub(crate) enum Cut<'a> {
    /// A field, folds and all, and what follows it.
    Field { field: &'a [u8], rest: &'a [u8] },
    /// The empty line that ends the head, and what follows it.
    End { rest: &'a [u8] },
    /// Nothing is left, and no empty line was seen.
    Missing,
}

/// Cuts the next field off a head.
pub(crate) fn cut_field(bytes: &[u8]) -> Cut<'_> {
    if bytes.is_empty() {
        return Cut::Missing;
    }
    let (first, mut rest, ended) = split_line(bytes);
    if first.is_empty() && ended {
        return Cut::End { rest };
    }
    let mut length = first.len();
    while let [b' ' | b'\t', ..] = rest {
        let (_, after, _) = split_line(rest);
        length = bytes.len() - after.len();
        rest = after;
    }
    let field = bytes.get(..length).unwrap_or(bytes);
    Cut::Field { field, rest }
}

/// The line without the carriage returns at its end; some stacks send two.
fn without_return(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(mut bytes: &[u8]) -> (Vec<&[u8]>, Option<&[u8]>) {
        let mut fields = Vec::new();
        loop {
            match cut_field(bytes) {
                Cut::Field { field, rest, .. } => {
                    fields.push(field);
                    bytes = rest;
                }
                Cut::End { rest } => return (fields, Some(rest)),
                Cut::Missing => return (fields, None),
            }
        }
    }

    #[test]
    fn cuts_crlf_and_lf() {
        let (crlf, body) = fields(b"a: 1\r\nb: 2\r\n\r\nbody");
        assert_eq!((crlf, body), (vec![&b"a: 1"[..], b"b: 2"], Some(&b"body"[..])));
        let (lf, body) = fields(b"a: 1\nb: 2\n\nbody");
        assert_eq!((lf, body), (vec![&b"a: 1"[..], b"b: 2"], Some(&b"body"[..])));
    }

    #[test]
    fn keeps_a_fold_with_its_field() {
        let (folded, body) = fields(b"a: 1\r\n  2\r\n\t3\r\nb: 4\r\n\r\n");
        assert_eq!(folded, [&b"a: 1\r\n  2\r\n\t3\r\n"[..], b"b: 4"]);
        assert_eq!(body, Some(&b""[..]));
    }

    #[test]
    fn says_where_the_head_stopped() {
        let (cut, body) = fields(b"a: 1\r\nb: ");
        assert_eq!((cut, body), (vec![&b"a: 1"[..], b"b: "], None));
    }

    proptest! {
        #[test]
        fn finds_a_byte_like_a_plain_loop(bytes in proptest::collection::vec(0u8..4, 0..80)) {
            prop_assert_eq!(position(3, &bytes), bytes.iter().position(|&b| b == 3));
        }
    }
}
