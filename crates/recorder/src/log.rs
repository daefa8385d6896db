//! What a command says of itself in the store's audit log.

use store::audit::{Action, Audit, Deed, Outcome};
use store::{Actor, CallId, Store};

use crate::actor;
use crate::cli::{self, Why};

/// The audit log, and who writes in it by which command and why.
pub(crate) struct Log {
    audit: Audit,
    actor: Actor,
    reason: Option<String>,
}

impl Log {
    /// The log of `store` for one command.
    pub(crate) fn new(store: &Store, command: &str, why: &Why) -> Log {
        Log { audit: store.audit(), actor: actor::of(command), reason: why.reason.clone() }
    }

    /// Something done now, with one call or without.
    pub(crate) fn deed(&self, action: Action, call: Option<&CallId>) -> Deed {
        let mut deed = Deed::new(cli::now(), self.actor.clone(), action);
        deed.call = call.cloned();
        deed.reason.clone_from(&self.reason);
        deed
    }

    /// Who writes.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Logs what only reads. Where the log cannot be written, as in a store that one may only read, that is said and
    /// the reading goes on.
    pub(crate) fn tell(&self, deed: &Deed) {
        if let Err(error) = self.audit.append(deed) {
            eprintln!("sipreel: this stands in no audit log: {error}");
        }
    }

    /// Logs that one call was read, or could not be; hands on what came of it.
    pub(crate) fn told<T>(
        &self,
        action: Action,
        call: &CallId,
        read: Result<T, store::Error>,
    ) -> Result<T, store::Error> {
        let mut deed = self.deed(action, Some(call));
        if let Err(error) = &read {
            deed.result = Outcome::Failed;
            deed.detail = serde_json::json!({ "error": error.to_string() });
        }
        self.tell(&deed);
        read
    }
}
