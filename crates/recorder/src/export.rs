//! `sipreel calls export`: calls handed to somebody else, in a folder or an archive that opens without this program.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;

use bundle::{Bundle, Choices, Mask, Place};
use store::audit::Action;
use store::{CallId, Query, Record, Store};

use crate::cli::{AudioAs, Export, Masked};
use crate::exit::Exit;
use crate::log::Log;

pub(crate) fn run(arguments: &Export) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let query = arguments.query();
    if arguments.ids.is_empty() == (query == Query::default()) {
        eprintln!("sipreel: name calls by their ids, or filters such as --party and --since, and not both");
        return Ok(Exit::Usage);
    }
    let log = Log::new(&store, "calls export", &arguments.why);
    let mut ids = arguments.ids.clone();
    if ids.is_empty() {
        // Ids are small: the records follow one at a time.
        store::each(&store, &query, |record| {
            ids.push(record.id);
            Ok(())
        })?;
    }
    let Some((first, others)) = ids.split_first() else {
        eprintln!("sipreel: no call fits");
        return Ok(Exit::Findings);
    };
    let place = Place::of(&arguments.to);
    let alone = (arguments.ids.len() == 1).then_some(first);
    if let (Place::Folder(folder), Some(id)) = (&place, alone)
        && let Some(other) = exported_before(folder).filter(|other| other != id)
    {
        anyhow::bail!("{}: holds call {other} already; export into another folder", folder.display());
    }
    let read = |id: &CallId| log.told(Action::Export, id, store.record(id));
    // Of a call that is not there, no folder is made.
    let first = read(first)?;
    let mut bundle = Bundle::begin(&place, alone.is_some(), choices(arguments))?;
    bundle.add(&store, &first)?;
    for id in others {
        bundle.add(&store, &read(id)?)?;
    }
    let (at, names) = bundle.finish(&store)?;
    let mut out = stdout().lock();
    match place {
        Place::Archive(_) => writeln!(out, "{}", at.display())?,
        Place::Folder(_) => {
            for name in names {
                writeln!(out, "{}", at.join(name).display())?;
            }
        }
    }
    Ok(Exit::Done)
}

fn choices(arguments: &Export) -> Choices {
    let masks = |what| arguments.mask.contains(&Masked::All) || arguments.mask.contains(&what);
    Choices {
        format: match arguments.format {
            None => bundle::Format::Stored,
            Some(AudioAs::Wav) => bundle::Format::Wav,
            Some(AudioAs::Flac) => bundle::Format::Flac,
        },
        mask: Mask {
            parties: masks(Masked::Parties),
            addresses: masks(Masked::Addresses),
            text: masks(Masked::Text),
        },
    }
}

/// The call that a folder was filled with before.
fn exported_before(folder: &Path) -> Option<CallId> {
    let json = fs::read(folder.join(Store::RECORD)).ok()?;
    Record::from_json(&json).ok().map(|record| record.id)
}
