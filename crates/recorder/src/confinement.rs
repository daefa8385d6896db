//! A recorder reads what strangers send. So it confines itself, as far as the kernel can: it writes nowhere but into its
//! store (Landlock), and makes no system call that no recorder makes (seccomp). Nothing of it can be undone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, path_beneath_rules,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// What could be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Confined {
    /// Writing is confined to some folders.
    pub(crate) files: bool,
    /// System calls are refused.
    pub(crate) calls: bool,
}

/// Confines this process and all that it starts: it may write beneath `folders` and to devices, and read everywhere.
pub(crate) fn confine(folders: &[PathBuf]) -> Confined {
    // First the files: what refuses calls would not have to know those that this takes.
    let files = confine_files(folders).unwrap_or(RulesetStatus::NotEnforced) != RulesetStatus::NotEnforced;
    Confined { files, calls: confine_calls().is_ok() }
}

fn confine_files(folders: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let all = AccessFs::from_all(ABI::V5);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .create()?
        .add_rules(path_beneath_rules(["/"], AccessFs::from_read(ABI::V5)))?
        .add_rules(path_beneath_rules(["/dev"], AccessFs::WriteFile | AccessFs::IoctlDev))?
        .add_rules(path_beneath_rules(folders, all))?
        .restrict_self()?;
    Ok(status.ruleset)
}

fn confine_calls() -> Result<(), seccompiler::Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
        REFUSED.iter().map(|&call| (call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()?;
    seccompiler::apply_filter_all_threads(&filter)
}

/// What no recorder needs, and whoever takes one over would: to change the system, to look into other processes, to get
/// at its keys. What a library may call one day is not among them.
const REFUSED: [i64; 30] = [
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    /// Landlock holds for the thread that asks and those that it starts, so that the other tests go on as they were.
    #[test]
    fn writes_nowhere_else_and_reads_everywhere() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (store, other) = (inside.path().to_owned(), outside.path().join("file"));
        let confined = thread::spawn(move || {
            let confined = confine(std::slice::from_ref(&store));
            fs::write(store.join("file"), b"a recording").unwrap();
            fs::rename(store.join("file"), store.join("other")).unwrap();
            assert_eq!(fs::read(store.join("other")).unwrap(), b"a recording");
            assert!(fs::read("/proc/self/status").is_ok());
            (
                confined,
                fs::write(&other, b"").is_err(),
                fs::read_to_string("/proc/thread-self/status").unwrap(),
            )
        });
        let (confined, is_refused, status) = confined.join().unwrap();
        if !confined.files {
            println!("skipped in part: this kernel has no Landlock");
        }
        assert_eq!(is_refused, confined.files);
        assert_eq!(status.lines().any(|line| line == "Seccomp:\t2"), confined.calls);
    }
}
