//! The exit codes, which are a contract, and which of them an error means.

use std::io;
use std::process::ExitCode;

use capture::live::LiveError;

use crate::config::Problem;
use crate::connections;
use crate::privileges;
use crate::reconcile::Unusable;
use crate::top::NoRecorder;

/// How the program ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Done, with findings: nothing found, something unreadable among the records.
    Findings = 1,
    /// The command line makes no sense; clap says which part.
    Usage = 2,
    /// An input is unreadable or damaged; what could be read is kept.
    Input = 3,
    /// The rights are missing.
    Permission = 4,
    /// The store failed.
    Storage = 5,
}

impl Exit {
    /// What an error that ended a command means.
    pub(crate) fn of(error: &anyhow::Error) -> Exit {
        if is_broken_pipe(error) {
            return Exit::Done;
        }
        let bundled = error.downcast_ref::<bundle::Error>().and_then(|error| match error {
            bundle::Error::Store(error) => Some(error),
            _ => None,
        });
        let store = error.downcast_ref::<store::Error>().or(bundled);
        let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
        match (store, io.map(io::Error::kind)) {
            (
                Some(
                    store::Error::Absent { .. } | store::Error::Refused { .. } | store::Error::NoHold { .. },
                ),
                _,
            ) => Exit::Findings,
            (Some(error), _) if error.is_permission() => Exit::Permission,
            (_, Some(io::ErrorKind::PermissionDenied)) => Exit::Permission,
            (None, _) if error.is::<LiveError>() => Exit::of_live(error.downcast_ref()),
            (Some(_), _) => Exit::Storage,
            (None, _) if error.is::<NoRecorder>() => Exit::Findings,
            (None, _) if error.is::<privileges::Error>() => Exit::of_privileges(error.downcast_ref()),
            (None, _) if error.is::<capture::Error>() || error.is::<Unusable>() => Exit::Input,
            (None, _)
                if error.is::<web::Error>()
                    || error.is::<Problem>()
                    || error.is::<connections::Error>()
                    || error.is::<capture::FilterError>() =>
            {
                Exit::Usage
            }
            (None, _) => Exit::Storage,
        }
    }

    fn of_privileges(error: Option<&privileges::Error>) -> Exit {
        match error {
            Some(privileges::Error::Unknown(_)) => Exit::Usage,
            _ => Exit::Permission,
        }
    }

    fn of_live(error: Option<&LiveError>) -> Exit {
        match error {
            Some(error) if error.is_permission() => Exit::Permission,
            Some(error) if error.is_usage() => Exit::Usage,
            _ => Exit::Input,
        }
    }

    /// What an input's error means for a run that went on without it.
    pub(crate) fn of_input(error: &capture::Error) -> Exit {
        match error {
            error if error.is_warning() => Exit::Done,
            capture::Error::Permission { .. } => Exit::Permission,
            _ => Exit::Input,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The error in one line. Those of the crates below name their cause themselves; around others stands what was tried.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let whole = error.is::<store::Error>()
        || error.is::<bundle::Error>()
        || error.is::<capture::Error>()
        || error.is::<LiveError>()
        || error.is::<web::Error>()
        || error.is::<Problem>();
    if whole { error.to_string() } else { format!("{error:#}") }
}

/// Whoever read our output has seen enough: `sipreel calls list | head` is no fault.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.map(io::Error::kind).any(|kind| kind == io::ErrorKind::BrokenPipe)
}
