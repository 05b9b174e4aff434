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
    message: String,
    detail: String,
}

impl RegistryProblem {
    pub(super) fn fatal(message: impl fmt::Display) -> Self {
        Self { fatal: true, message: message.to_string(), detail: String::new() }
    }

    pub(super) fn lasting(message: impl fmt::Display) -> Self {
        Self { fatal: false, message: message.to_string(), detail: String::new() }
    }

    pub(super) fn with_detail(mut self, detail: &str) -> Self {
        self.detail = detail.to_owned();
        self
    }

    /// Whether nothing shall be mined before it is mended.
    pub fn is_fatal(&self) -> bool {
        self.fatal
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
