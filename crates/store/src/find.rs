//! Finding records whoever has the index: by it, by asking its owner, or by reading the files.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::id::CallId;
use crate::index::{Index, Opened};
use crate::layout::Store;
use crate::query::Query;
use crate::rebuild::Reindexed;
use crate::record::Record;
use crate::socket;

/// How long another process may hold the index without answering; a search takes less.
const PATIENCE: Duration = Duration::from_secs(5);

/// Has the index follow what was changed in the files: by opening it, or by telling its owner.
///
/// # Errors
/// Where neither can be done; the changes are marked then, and whoever opens the index next brings them in.
pub fn settle(store: &Store) -> Result<(), Error> {
    let tries = PATIENCE.as_millis() / TRY_AGAIN.as_millis();
    let mut settled = try_to_settle(store);
    for _ in 0..tries {
        if !matches!(settled, Err(Error::Io { .. })) {
            break;
        }
        thread::sleep(TRY_AGAIN);
        settled = try_to_settle(store);
    }
    settled
}

const TRY_AGAIN: Duration = Duration::from_millis(50);

fn try_to_settle(store: &Store) -> Result<(), Error> {
    match Index::open(store) {
        Ok((index, _)) => index.close(),
        Err(Error::Locked { .. } | Error::Denied { .. }) => socket::refresh(store),
        Err(error) => Err(error),
    }
}

/// Gives each record that fits to `take`, oldest first, and ends with its first error; whoever has the index. Without
/// a limit no more than one record is held at a time.
///
/// # Errors
/// As with [`Records::find`], or what `take` returns.
pub fn each(
    store: &Store,
    query: &Query,
    mut take: impl FnMut(Record) -> Result<(), Error>,
) -> Result<(), Error> {
    match Index::open(store) {
        Ok((index, _)) => index.each(query, take),
        Err(Error::Locked { .. } | Error::Denied { .. }) => match socket::ask_each(store, query, &mut take) {
            Err(Error::Io { .. } | Error::Denied { .. }) => {
                Records::by_files(store, query)?.records.into_iter().try_for_each(take)
            }
            asked => asked,
        },
        Err(error) => Err(error),
    }
}

/// The answer to a search.
#[derive(Debug)]
pub struct Records {
    /// The records that fit, oldest first.
    pub records: Vec<Record>,
    /// Where they come from.
    pub source: Source,
}

/// Where the answer to a search comes from.
#[derive(Debug)]
pub enum Source {
    /// The index, and what opening it took.
    Index(Opened),
    /// The process that has the index.
    Owner,
    /// The files, because the index can be neither opened nor asked; slow and just as true.
    Files(Reindexed),
}

impl Records {
    /// The records of a store that fit.
    ///
    /// # Errors
    /// Where the store cannot be read at all, or its owner refuses the question.
    pub fn find(store: &Store, query: &Query) -> Result<Self, Error> {
        match Index::open(store) {
            Ok((index, opened)) => Records::by_index(store, query, index, opened),
            Err(Error::Locked { .. } | Error::Denied { .. }) => match socket::ask(store, query) {
                Ok(records) => Ok(Records { records, source: Source::Owner }),
                Err(Error::Io { .. } | Error::Denied { .. }) => Records::by_files(store, query),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    fn by_index(store: &Store, query: &Query, index: Index, opened: Opened) -> Result<Self, Error> {
        match index.query(query) {
            Err(Error::Damaged { damage, .. }) => {
                let (index, opened) = index.replace(store, damage)?;
                Ok(Records { records: index.query(query)?, source: Source::Index(opened) })
            }
            records => Ok(Records { records: records?, source: Source::Index(opened) }),
        }
    }

    fn by_files(store: &Store, query: &Query) -> Result<Self, Error> {
        let recordings = store.recordings();
        fs::read_dir(&recordings).map_err(Error::io("read the recordings in", &recordings))?;
        let mut read = Reindexed::default();
        let mut ids: Vec<CallId> = vec![];
        for id in store.ids() {
            match id {
                Ok(id) if query.spans(&id) => ids.push(id),
                Ok(_) => {}
                Err(error) => read.skip(error),
            }
        }
        let mut records = vec![];
        for id in ids.iter().rev() {
            if query.limit.is_some_and(|limit| records.len() >= limit) {
                break;
            }
            match store.record(id) {
                Ok(record) if query.matches(&record) => records.push(record),
                Ok(_) => {}
                Err(error) => read.skip(error),
            }
        }
        records.reverse();
        read.records = records.len() as u64;
        Ok(Records { records, source: Source::Files(read) })
    }
}
