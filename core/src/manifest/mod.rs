//! `miner.ron`: `raw` mirrors the file and refuses what it does not know with
//! the line; `resolved` cannot be invalid. Plugins are not looked at here.

mod edit;
mod error;
mod exposed;
mod raw;
mod read;
mod resolved;
mod rewrite;
mod size;
mod source;
mod syntax;
#[cfg(test)]
mod tests;
mod trust;

pub use edit::Change;
pub(crate) use error::did_you_mean;
pub use error::{ErrorPlace, ManifestError};
pub use resolved::{
    ComponentEntry, ConfigText, FirstRun, Manifest, PluginEntry, RecordEntry, ShadowEntry, Trust,
};
pub use rewrite::{RewriteError, rewrite};
pub use size::parse_size;
