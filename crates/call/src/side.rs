//! The two parties of a call (RFC 3261: the client and the server of the INVITE that began it).

/// A party of a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Who sent the INVITE.
    Caller,
    /// Who was invited.
    Callee,
}

impl Side {
    /// Both, in the order of the recording's channels.
    pub const BOTH: [Side; 2] = [Side::Caller, Side::Callee];

    /// The other party.
    #[must_use]
    pub const fn other(self) -> Side {
        match self {
            Side::Caller => Side::Callee,
            Side::Callee => Side::Caller,
        }
    }

    /// `caller` or `callee`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Caller => "caller",
            Side::Callee => "callee",
        }
    }
}

/// One value for each party.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Both<T> {
    /// The caller's.
    pub caller: T,
    /// The callee's.
    pub callee: T,
}

impl<T> Both<T> {
    /// The value of `side`.
    pub const fn of(&self, side: Side) -> &T {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    /// The value of `side`, to change it.
    pub const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }
}
