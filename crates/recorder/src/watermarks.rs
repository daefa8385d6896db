//! The watermarks of the disk: below the first it is told, below the second no new media is taken, so that what is open
//! can end cleanly; metadata goes on. Once there is room again, so does all else.

use std::fmt;

use call::{Call, Side};
use clock::Time;
use store::Store;

/// Bytes that are to stay free; zero turns a mark off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Marks {
    /// Below this it is told.
    pub(crate) warn_free: u64,
    /// Below this no new media is taken.
    pub(crate) stop_free: u64,
}

impl Default for Marks {
    fn default() -> Marks {
        Marks { warn_free: 2 << 30, stop_free: 256 << 20 }
    }
}

/// How the disk is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(crate) enum Level {
    /// There is room.
    #[default]
    Fine,
    /// Below the first mark.
    Low,
    /// Below the second.
    Full,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Fine => "fine",
            Level::Low => "low",
            Level::Full => "full",
        })
    }
}

/// The disk of a store, as it is looked at.
pub(crate) struct Watermarks {
    store: Store,
    marks: Marks,
    level: Level,
    free: u64,
    /// When media was last turned away, by the capture's clock; without an end while it still is.
    full_from: Option<Time>,
    full_until: Option<Time>,
}

impl Watermarks {
    pub(crate) fn new(store: Store, marks: Marks) -> Watermarks {
        let (level, free) = (Level::Fine, u64::MAX);
        Watermarks { store, marks, level, free, full_from: None, full_until: None }
    }

    pub(crate) fn set(&mut self, marks: Marks) {
        self.marks = marks;
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// Bytes that were free when last looked.
    pub(crate) fn free(&self) -> u64 {
        self.free
    }

    /// Looks at the disk; says so where the level changed. `now` is the capture's time.
    pub(crate) fn look(&mut self, now: Time) -> Option<String> {
        // A store that does not answer is not told to be full: writing to it will say what is wrong.
        self.free = self.store.free_bytes().unwrap_or(self.free);
        let level = self.marks.level(self.free, self.level);
        if level == self.level {
            return None;
        }
        if level == Level::Full {
            (self.full_from, self.full_until) = (Some(now), None);
        } else if self.level == Level::Full {
            self.full_until = Some(now);
        }
        self.level = level;
        Some(self.told())
    }

    /// Whether media of that call may have been turned away.
    pub(crate) fn was_full_during(&self, call: &Call) -> bool {
        let Some(from) = self.full_from else { return false };
        let overlaps =
            call.ended_at >= from && self.full_until.is_none_or(|until| call.dialog.invited_at <= until);
        // What had its media before kept it.
        overlaps && Side::BOTH.iter().any(|&side| call.legs.of(side).is_empty())
    }

    fn told(&self) -> String {
        let mib = self.free >> 20;
        match self.level {
            Level::Fine => format!("the disk has room again: {mib} MiB are free"),
            Level::Low => format!("the disk is getting full: {mib} MiB are free"),
            Level::Full => format!(
                "the disk is full but for {mib} MiB: no new media is taken until there is room; calls go on being listed"
            ),
        }
    }
}

impl Marks {
    /// The level that so many free bytes mean, coming from another: what is left is left by a tenth more.
    fn level(self, free: u64, before: Level) -> Level {
        let is_below = |mark: u64, level: Level| {
            let slack = if before >= level { mark / 10 } else { 0 };
            free < mark.saturating_add(slack)
        };
        if self.stop_free > 0 && is_below(self.stop_free, Level::Full) {
            Level::Full
        } else if self.warn_free > 0 && is_below(self.warn_free, Level::Low) {
            Level::Low
        } else {
            Level::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_left_later_than_it_is_entered() {
        let marks = Marks { warn_free: 1000, stop_free: 100 };
        let mut level = Level::Fine;
        for (free, expected) in [
            (1000, Level::Fine),
            (999, Level::Low),
            (1099, Level::Low),
            (1100, Level::Fine),
            (99, Level::Full),
            (109, Level::Full),
            (110, Level::Low),
            (5000, Level::Fine),
        ] {
            level = marks.level(free, level);
            assert_eq!(level, expected, "at {free}");
        }
        let off = Marks { warn_free: 0, stop_free: 0 };
        assert_eq!(off.level(0, Level::Full), Level::Fine);
    }

    #[test]
    fn a_change_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut watermarks = Watermarks::new(store, Marks { warn_free: u64::MAX, stop_free: 0 });
        let told = watermarks.look(Time::default()).unwrap();
        assert!(told.starts_with("the disk is getting full: "), "{told}");
        assert_eq!(watermarks.look(Time::default()), None);
        watermarks.set(Marks { warn_free: 0, stop_free: 0 });
        assert!(watermarks.look(Time::default()).unwrap().starts_with("the disk has room again"));
    }
}
