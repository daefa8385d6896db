//! `sipreel render`: one call's recording anew from the packets that were kept with it.

use anyhow::bail;
use store::{Outcome, Store};

use crate::cli::{Digits, Keep, Render, Replay};
use crate::exit::Exit;
use crate::replay;

pub(crate) fn run(arguments: &Render) -> anyhow::Result<Exit> {
    let store = Store::at(&arguments.store.store)?;
    let before = store.record(&arguments.id)?;
    let packets = store.recording(&before.id).join("call.pcapng");
    if !packets.exists() {
        bail!(store::Error::Absent { id: format!("{} with packets", before.id), path: packets });
    }
    let replay = Replay {
        files: vec![packets.to_string_lossy().into_owned()],
        read: Vec::new(),
        store: arguments.store.clone(),
        // What was blanked stays so; what was shown stays shown.
        digits: Digits::Keep,
        // All that there is: it may have to be rendered again.
        keep: Keep::All,
        threads: Some(1),
        metrics: None,
        quiet: true,
        verbose: false,
        with_keys: true,
    };
    let exit = replay::run(&replay)?;
    let after = store.record(&before.id)?;
    eprintln!("{}: {}, {} before", after.id, after.outcome, before.outcome);
    let still = after.outcome == Outcome::CodecUnsupported;
    Ok(if still { exit.max(Exit::Findings) } else { exit })
}
