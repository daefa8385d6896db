//! `sipreel reindex`: the index anew from the recordings alone.

use store::{Index, Store};

use crate::cli::InStore;
use crate::exit::Exit;

pub(crate) fn run(arguments: &InStore) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.dir()?)?;
    let (index, reindexed) = Index::reindex(&store)?;
    index.close()?;
    for error in &reindexed.first {
        eprintln!("sipreel: {error}");
    }
    eprintln!("{} calls indexed, {} unreadable", reindexed.records, reindexed.unreadable);
    Ok(if reindexed.unreadable > 0 { Exit::Findings } else { Exit::Done })
}
