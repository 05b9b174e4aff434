//! What is wrong with the plugins that a manifest asks for.

use std::fmt;

/// A plugin that cannot be loaded, or a component that cannot be used.
///
/// A mistake of the manifest (a name that is nowhere, a config that does not
/// fit) stops the miner. A broken plugin does not, where the host can do its
/// work instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryProblem {
    fatal: bool,
    culprit: String,
    message: String,
    next: String,
    detail: String,
}

impl RegistryProblem {
    pub(super) fn fatal(message: impl fmt::Display) -> Self {
        Self { fatal: true, ..Self::lasting(message) }
    }

    pub(super) fn lasting(message: impl fmt::Display) -> Self {
        Self {
            fatal: false,
            culprit: "plugins".to_owned(),
            message: message.to_string(),
            next: "mining goes on without it; `spacetime-miner check` looks at every part"
                .to_owned(),
            detail: String::new(),
        }
    }

    /// Whose problem it is, and what happens now.
    pub(super) fn about(self, culprit: impl fmt::Display, next: &str) -> Self {
        Self { culprit: culprit.to_string(), next: next.to_owned(), ..self }
    }

    pub(super) fn with_detail(mut self, detail: &str) -> Self {
        self.detail = detail.to_owned();
        self
    }

    /// Whether nothing shall be mined before it is mended.
    pub fn is_fatal(&self) -> bool {
        self.fatal
    }

    /// Whose problem it is: a component and its plugin, as far as that is known.
    pub fn culprit(&self) -> &str {
        &self.culprit
    }

    /// What the miner does about it, or what the user can do.
    pub fn next(&self) -> &str {
        &self.next
    }

    /// One or two sentences that name the culprit and its place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// More for the log; may be long, may be empty.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for RegistryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
