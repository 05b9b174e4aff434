//! `miner.ron`: `raw` mirrors the file and refuses what it does not know with
//! the line; `resolved` cannot be invalid. Plugins are not looked at here.

mod error;
mod raw;
mod read;
mod resolved;
mod size;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use error::did_you_mean;
pub use error::{ErrorPlace, ManifestError};
pub use resolved::{
    ComponentEntry, ConfigText, FirstRun, Manifest, PluginEntry, RecordEntry, ShadowEntry,
};
pub use size::parse_size;
