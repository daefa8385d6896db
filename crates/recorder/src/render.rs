//! `sipreel render`: one call's recording anew from the packets that were kept with it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use store::audit::Action;
use store::{Outcome, Record, Store};

use crate::cli::{Common, Digits, InStore, Keep, Render, Replay, Shape};
use crate::exit::Exit;
use crate::log::Log;
use crate::replay;

pub(crate) fn run(arguments: &Render) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "render", &arguments.why);
    let before = log.told(Action::Render, &arguments.id, store.record(&arguments.id))?;
    let Some(packets) = store.packets(&before.id) else {
        let path = store.recording(&before.id).join(Store::PACKETS);
        bail!(store::Error::Absent { id: format!("{} with packets", before.id), path });
    };
    let shape = arguments.store.config()?.shape(arguments.shape);
    // The packets of the signalling alone must not take the place of audio: first they are tried elsewhere.
    if before.recording.is_some() && tried(shape, &store, &before, &packets)?.recording.is_none() {
        eprintln!("{}: no audio comes of the packets that were kept; nothing was changed", before.id);
        return Ok(Exit::Findings);
    }
    let exit = replay::run(&of(shape, &packets, store.dir().to_owned()))?;
    let after = store.record(&before.id)?;
    eprintln!("{}: {}, {} before", after.id, after.outcome, before.outcome);
    let still = after.outcome == Outcome::CodecUnsupported;
    Ok(if still { exit.max(Exit::Findings) } else { exit })
}

/// What comes of the packets in a store of their own, which does not stay.
fn tried(shape: Shape, store: &Store, before: &Record, packets: &Path) -> anyhow::Result<Record> {
    let scratch = store.dir().join("open").join(format!("{}.render", before.id));
    let record = replay::run(&of(shape, packets, scratch.clone()))
        .and_then(|_| Ok(Store::at(&scratch)?.record(&before.id)?));
    fs::remove_dir_all(&scratch).with_context(|| format!("cannot delete {}", scratch.display()))?;
    record
}

/// The replay of `packets` into `store`, with all that they hold.
fn of(shape: Shape, packets: &Path, store: PathBuf) -> Replay {
    Replay {
        files: vec![packets.to_string_lossy().into_owned()],
        read: Vec::new(),
        filter: None,
        common: Common {
            store: InStore { store: Some(store), config: None },
            // What was blanked stays so; what was shown stays shown. All is kept: it may have to be rendered again.
            digits: Some(Digits::Keep),
            keep: Some(Keep::All),
            compress_packets: packets.extension().is_some_and(|packing| packing == "zst"),
            shape,
            with_keys: true,
            orphans: None,
            tls_keylog: Vec::new(),
            link_header: Vec::new(),
            threads: Some(1),
            metrics: None,
            quiet: true,
            verbose: false,
        },
    }
}
