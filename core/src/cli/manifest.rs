//! The options of all commands that read the manifest.

use std::path::{Path, PathBuf};

use super::{Exit, Failure};
use crate::{
    kernels,
    manifest::{Manifest, ManifestError},
    plugin::{self, trust::Gate},
};

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
    /// Load what the command line names (DIR, FILE), whoever made it
    #[arg(long, value_name = "any", hide_possible_values = true)]
    trust: Option<CommandLineTrust>,
}

/// What the command line may say of whom plugins are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum CommandLineTrust {
    Any,
}

impl ManifestArgs {
    /// The manifest, which must be there.
    pub(super) fn load(&self) -> Result<Manifest, Failure> {
        if self.allows_anything() && self.plugin_dir.is_empty() {
            let message = "`--trust any` is about the folders of --plugin-dir: name one, or write \
                           `trust: any` into the entry of a plugin";
            return Err(Failure::new(Exit::Usage, message));
        }
        self.load_for_files()
    }

    /// The manifest, for a command that names plugin files, which
    /// `--trust any` is about then, too.
    pub(super) fn load_for_files(&self) -> Result<Manifest, Failure> {
        let mut manifest = Manifest::load(self.file(), &self.sets)?;
        manifest.plugin_directories.splice(0..0, self.plugin_dir.iter().cloned());
        manifest.open_directories = self.open_directories().to_vec();
        if let Some(chosen) = manifest.kernels {
            kernels::choose(chosen).map_err(|others| {
                let message = format!("the kernels `{others}` are in use already");
                Failure::new(Exit::Internal, message)
            })?;
        }
        Ok(manifest)
    }

    /// Where plugins are looked for, and what they are judged by.
    pub(super) fn places(&self, manifest: Option<&Manifest>) -> (Vec<PathBuf>, Gate) {
        match manifest {
            Some(manifest) => {
                (plugin::folders(&[], &manifest.plugin_directories), Gate::of(manifest))
            }
            None => (
                plugin::folders(&self.plugin_dir, &[]),
                Gate::without_manifest(self.open_directories(), plugin::user_cache()),
            ),
        }
    }

    /// Whether the command line allows whatever it names.
    pub(super) fn allows_anything(&self) -> bool {
        self.trust == Some(CommandLineTrust::Any)
    }

    fn open_directories(&self) -> &[PathBuf] {
        if self.allows_anything() { &self.plugin_dir } else { &[] }
    }

    /// Where it is.
    pub(super) fn file(&self) -> &Path {
        self.manifest.as_deref().unwrap_or(Path::new(DEFAULT))
    }

    /// The manifest, if it was named or there is one; for commands that can do
    /// without.
    pub(super) fn load_if_there(&self) -> Result<Option<Manifest>, Failure> {
        if self.manifest.is_none() && self.sets.is_empty() && !Path::new(DEFAULT).exists() {
            return Ok(None);
        }
        self.load().map(Some)
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self::new(Exit::Manifest, error)
    }
}
