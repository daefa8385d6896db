//! What the store signed of the calls in a bundle, so that whoever gets it can check it with public tools.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use store::{CallId, Store};

use crate::error::Error;

/// The script that checks a bundle, by openssl, sha256sum and, where it is there, b3sum.
const SCRIPT: &str = include_str!("verify.sh");

/// The files below `proofs/`, by their names. Each statement that the store signed about one of these calls stands in
/// `statements.jsonl`, as it stands in its day's log; `roots.log` is the chain of the days' roots.
pub(crate) fn files(store: &Store, calls: &BTreeSet<CallId>) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    let statements = store.statements(calls)?;
    files.insert("statements.jsonl".to_owned(), lines(&statements));
    files.insert("roots.log".to_owned(), lines(&store.root_lines()?));
    for key in store.public_keys()? {
        let name = format!("{}.pem", key.name);
        files.insert(name, fs::read(&key.path).map_err(Error::io("read", &key.path))?);
    }
    files.insert("verify.sh".to_owned(), SCRIPT.into());
    Ok(files)
}

fn lines(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}
