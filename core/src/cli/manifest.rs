//! The options of all commands that read the manifest.

use std::path::{Path, PathBuf};

use super::{Exit, Failure};
use crate::manifest::{Manifest, ManifestError};

/// Where the manifest is looked for.
const DEFAULT: &str = "miner.ron";

/// Arguments of every command that reads the manifest.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ManifestArgs {
    /// The manifest [default: miner.ron]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Override an entry by its dotted path, such as strategy.name='"full"'; repeatable
    #[arg(long = "set", value_name = "KEY=RON")]
    sets: Vec<String>,
    /// Look for plugins here before anywhere else; repeatable
    #[arg(long, value_name = "DIR")]
    plugin_dir: Vec<PathBuf>,
}

impl ManifestArgs {
    /// The manifest, which must be there.
    pub(super) fn load(&self) -> Result<Manifest, Failure> {
        let file = self.manifest.as_deref().unwrap_or(Path::new(DEFAULT));
        let mut manifest = Manifest::load(file, &self.sets)?;
        manifest.plugin_directories.splice(0..0, self.plugin_dir.iter().cloned());
        Ok(manifest)
    }

    /// The manifest, if it was named or there is one; for commands that can do
    /// without.
    pub(super) fn load_if_there(&self) -> Result<Option<Manifest>, Failure> {
        if self.manifest.is_none() && self.sets.is_empty() && !Path::new(DEFAULT).exists() {
            return Ok(None);
        }
        self.load().map(Some)
    }

    /// The folders of the command line in which plugins are looked for.
    pub(super) fn plugin_directories(&self) -> &[PathBuf] {
        &self.plugin_dir
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self::new(Exit::Manifest, error)
    }
}
