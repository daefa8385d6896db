//! Who does something with a store: the system's user, and by what.

use serde::{Deserialize, Serialize};

/// Who did something. Whoever calls says so; nothing here asks the system.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Actor {
    /// The number of the system's user.
    pub uid: u32,
    /// That user's name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What was used: a command such as `calls tag`, or `recorder`.
    pub by: String,
}

impl Actor {
    /// The name, or the number where there is none.
    #[must_use]
    pub fn name(&self) -> String {
        self.user.clone().unwrap_or_else(|| format!("uid {}", self.uid))
    }
}
