//! The direction of a media description (RFC 8866, section 6.7), from the side that sent it.

/// Who sends, seen by the side whose description it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Direction {
    /// Both sides; what holds where nothing is said.
    #[default]
    SendRecv,
    /// Only this side.
    SendOnly,
    /// Only the other side.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The direction an attribute of that name sets.
    #[must_use]
    pub fn of(attribute: &str) -> Option<Direction> {
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
            .into_iter()
            .find(|direction| direction.as_str().eq_ignore_ascii_case(attribute))
    }

    /// The name of its attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// Does this side send?
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Does this side want to receive?
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_four_names() {
        assert_eq!(Direction::of("SendOnly"), Some(Direction::SendOnly));
        assert_eq!(Direction::of("inactive"), Some(Direction::Inactive));
        assert_eq!(Direction::of("ptime"), None);
        assert!(Direction::RecvOnly.receives() && !Direction::RecvOnly.sends());
    }
}
