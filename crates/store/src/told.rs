//! What the owner of an index says of itself to those who ask over its socket: its status, which it tells now and then, and
//! what is going on just now, which it only tells while somebody asks for it. Both are lines of JSON; what stands in them is
//! the owner's own business.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The owner's words, between the thread that says them and the one that answers.
#[derive(Default, Debug)]
pub(crate) struct Told {
    words: Mutex<Words>,
    said: Condvar,
}

#[derive(Default, Debug)]
struct Words {
    status: Option<String>,
    /// Whether somebody waits to hear what is going on.
    asked: bool,
    present: Option<String>,
    /// Whether the owner says nothing any more.
    closed: bool,
}

impl Told {
    pub(crate) fn set_status(&self, status: String) {
        self.words().status = Some(status);
    }

    /// The status as it was told last; nothing where none ever was.
    pub(crate) fn status(&self) -> Option<String> {
        self.words().status.clone()
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.words().asked
    }

    /// What is going on, for whoever asked.
    pub(crate) fn set_present(&self, present: String) {
        let mut words = self.words();
        (words.asked, words.present) = (false, Some(present));
        drop(words);
        self.said.notify_all();
    }

    /// Asks the owner what is going on, and waits until it says so; nothing where it does not in `patience`.
    pub(crate) fn present(&self, patience: Duration) -> Option<String> {
        let mut words = self.words();
        (words.asked, words.present) = (true, None);
        let silent = |words: &mut Words| words.present.is_none() && !words.closed;
        let waited = self.said.wait_timeout_while(words, patience, silent);
        let (mut words, _) = waited.unwrap_or_else(PoisonError::into_inner);
        words.asked = false;
        words.present.take()
    }

    /// Lets nobody wait any longer.
    pub(crate) fn close(&self) {
        self.words().closed = true;
        self.said.notify_all();
    }

    fn words(&self) -> MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn what_is_going_on_is_only_told_to_who_asks() {
        let told = Told::default();
        assert!(!told.is_asked());
        thread::scope(|scope| {
            let owner = scope.spawn(|| {
                while !told.is_asked() {
                    thread::yield_now();
                }
                told.set_present("now".to_owned());
            });
            assert_eq!(told.present(Duration::from_secs(60)).as_deref(), Some("now"));
            owner.join().unwrap();
        });
        assert!(!told.is_asked());
        assert_eq!(told.present(Duration::from_millis(1)), None, "nothing old is told again");
        assert!(!told.is_asked(), "who asked went away");
    }

    #[test]
    fn who_asks_does_not_wait_for_an_owner_that_ends() {
        let told = Told::default();
        thread::scope(|scope| {
            let asking = scope.spawn(|| told.present(Duration::from_secs(3600)));
            while !told.is_asked() {
                thread::yield_now();
            }
            told.close();
            assert_eq!(asking.join().unwrap(), None);
        });
        assert_eq!(told.present(Duration::from_secs(3600)), None);
    }
}
