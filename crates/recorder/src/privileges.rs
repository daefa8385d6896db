//! Giving up what is not needed any more: root's rights once the interfaces are open, and the others' right to read what
//! is written.

use std::ffi::CString;

use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{User, geteuid, initgroups, setgid, setuid};

/// Files are written for their owner and readable to the group (0640, folders 0750), or less where the umask says so.
pub(crate) fn write_for_owner_and_group() {
    let before = umask(Mode::from_bits_truncate(0o027));
    umask(before | Mode::from_bits_truncate(0o027));
}

/// Why this process cannot become another user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is none of that name.
    #[error("-Z {0}: there is no such user")]
    Unknown(String),
    /// It takes root.
    #[error("-Z {0}: only root can become another user; leave -Z out, or start it as root")]
    NotRoot(String),
    /// The system refuses.
    #[error("-Z {user}: cannot {what}: {cause}")]
    Refused { user: String, what: &'static str, cause: String },
}

/// What it takes to open an interface again that went down and came back.
const KEPT: [Capability; 2] = [Capability::CAP_NET_RAW, Capability::CAP_NET_ADMIN];

/// Becomes `user`, with its groups, and keeps of root's rights those that capturing takes.
pub(crate) fn become_user(user: &str) -> Result<(), Error> {
    let refused = |what| move |cause: String| Error::Refused { user: user.to_owned(), what, cause };
    let nix = |what| move |error: nix::Error| refused(what)(error.to_string());
    let caps = |what| move |error: caps::errors::CapsError| refused(what)(error.to_string());
    let account = User::from_name(user).map_err(nix("look it up"))?;
    let account = account.ok_or_else(|| Error::Unknown(user.to_owned()))?;
    if account.uid == geteuid() {
        return Ok(());
    }
    if !geteuid().is_root() {
        return Err(Error::NotRoot(user.to_owned()));
    }
    let kept = kept().map_err(caps("read its own rights"))?;
    for right in caps::all().into_iter().filter(|right| !KEPT.contains(right)) {
        // One that this kernel does not know is not held either.
        let _ = caps::drop(None, CapSet::Bounding, right);
    }
    caps::securebits::set_keepcaps(true).map_err(caps("keep the rights to capture"))?;
    let name = CString::new(user).map_err(|error| refused("take its groups")(error.to_string()))?;
    initgroups(&name, account.gid).map_err(nix("take its groups"))?;
    setgid(account.gid).map_err(nix("take its group"))?;
    setuid(account.uid).map_err(nix("become it"))?;
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, &kept).map_err(caps("keep the rights to capture"))?;
    }
    Ok(())
}

/// Those of the rights to keep that are there.
fn kept() -> Result<CapsHashSet, caps::errors::CapsError> {
    let held = caps::read(None, CapSet::Permitted)?;
    Ok(KEPT.into_iter().filter(|right| held.contains(right)).collect())
}
