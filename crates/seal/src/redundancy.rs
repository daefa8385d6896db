//! Redundant audio (RFC 2198): the blocks of a payload, of which the last is its own and those before it are copies of
//! what was sent earlier.

/// One block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Block<'a> {
    pub(crate) payload_type: u8,
    /// How many ticks earlier it was first sent; zero for the payload's own.
    pub(crate) ticks_before: u16,
    pub(crate) payload: &'a [u8],
}

/// The blocks of `payload`, the earliest first and its own last; none where it is no such payload.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |1|  block PT   |     timestamp offset      |   block length    |  a copy
/// |0|  block PT   |                                                  its own: the last header
/// ```
pub(crate) fn blocks(payload: &[u8]) -> Vec<Block<'_>> {
    let (mut rest, mut headers) = (payload, Vec::new());
    let own = loop {
        match rest {
            [first, second, third, fourth, after @ ..] if first & 0x80 != 0 => {
                let fields = u32::from_be_bytes([0, *second, *third, *fourth]);
                headers.push((first & 0x7f, (fields >> 10) as u16, (fields & 0x3ff) as usize));
                rest = after;
            }
            [first, after @ ..] if first & 0x80 == 0 => {
                rest = after;
                break *first;
            }
            _ => return Vec::new(),
        }
    };
    let mut blocks = Vec::with_capacity(headers.len() + 1);
    for (payload_type, ticks_before, length) in headers {
        let Some((payload, after)) = rest.split_at_checked(length) else { return Vec::new() };
        blocks.push(Block { payload_type, ticks_before, payload });
        rest = after;
    }
    blocks.push(Block { payload_type: own, ticks_before: 0, payload: rest });
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_come_before_what_is_sent_now() {
        let payload = [0x80 | 5, 0x0a, 0x00, 0x02, 0x80, 0x05, 0x00, 0x03, 0x00, 1, 2, 3, 4, 5, 6, 7];
        let block = |payload_type, ticks_before, payload| Block { payload_type, ticks_before, payload };
        let expected = [block(5, 640, &[1, 2][..]), block(0, 320, &[3, 4, 5][..]), block(0, 0, &[6, 7][..])];
        assert_eq!(blocks(&payload), expected);
        for short in 0..9 {
            assert_eq!(blocks(&payload[..short]), [], "{short} octets");
        }
        assert_eq!(blocks(&payload[..11]), [], "a copy is cut off");
    }
}
