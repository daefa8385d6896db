//! `sipreel reindex`: the index anew from the recordings alone.

use store::audit::Action;
use store::{Index, Store};

use crate::cli::{InStore, Why};
use crate::exit::Exit;
use crate::log::Log;

pub(crate) fn run(arguments: &InStore) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.dir()?)?;
    let (index, reindexed) = Index::reindex(&store)?;
    index.close()?;
    let log = Log::new(&store, "reindex", &Why::default());
    log.tell(&log.deed(Action::Reindex, None));
    for error in &reindexed.first {
        eprintln!("sipreel: {error}");
    }
    eprintln!("{} calls indexed, {} unreadable", reindexed.records, reindexed.unreadable);
    Ok(if reindexed.unreadable > 0 { Exit::Findings } else { Exit::Done })
}
