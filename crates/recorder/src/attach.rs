//! `sipreel calls tag` and `calls note`: what people attach to a call, beside a running recorder or without one.

use serde_json::json;
use store::audit::{Action, Deed};
use store::{BadAttachment, Note, Record, Store};

use crate::cli::{NoteCall, TagCall};
use crate::exit::Exit;
use crate::log::Log;

pub(crate) fn tag(arguments: &TagCall) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "calls tag", &arguments.why);
    let mut deed = log.deed(Action::Tag, Some(&arguments.id));
    deed.detail =
        json!({ "tags": arguments.tags.iter().map(|tag| [tag.key(), tag.value()]).collect::<Vec<_>>() });
    attach(&store, &deed, |record| record.tag(&arguments.tags))
}

pub(crate) fn note(arguments: &NoteCall) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "calls note", &arguments.why);
    let mut deed = log.deed(Action::Note, Some(&arguments.id));
    deed.detail = json!({ "text": arguments.text });
    let note = Note { at: deed.at, actor: log.actor().name(), text: arguments.text.clone() };
    attach(&store, &deed, |record| record.note(note))
}

fn attach(
    store: &Store,
    deed: &Deed,
    attach: impl FnOnce(&mut Record) -> Result<(), BadAttachment>,
) -> anyhow::Result<Exit> {
    store.edit(deed, |record| {
        attach(record).map_err(|why| store::Error::Refused { id: record.id.clone(), why: why.to_string() })
    })?;
    settle(store);
    Ok(Exit::Done)
}

/// Has the index follow; where it cannot, the change stands all the same.
pub(crate) fn settle(store: &Store) {
    if let Err(error) = store::settle(store) {
        eprintln!("sipreel: done, but searches will find it only once the index is opened anew: {error}");
    }
}
