//! The manifest as the miner uses it. A value of [`Manifest`] cannot be
//! invalid: paths are absolute, numbers in range, the network known.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use spacetime_kernels::Kernels;
use spacetime_protocol::network::Network;
use spacetime_sdk_loader::{FileHash, PublicKey};

use crate::{plots::LeafOrigin, scan::Io};

/// What the miner shall do.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The file that it was read from.
    pub file: Option<PathBuf>,
    /// The folder that its paths are relative to.
    pub folder: PathBuf,
    /// Where plots are; at least one folder, which need not exist.
    pub plot_directories: Vec<PathBuf>,
    /// The JSON file that remembers plots.
    pub plot_metadata_path: PathBuf,
    /// The key that plots and blocks belong to.
    pub private_key_path: PathBuf,
    /// What transports store, a folder each within this one.
    pub data_directory: PathBuf,
    /// The node, for transports that use one.
    pub node_address: Option<String>,
    /// Its port, likewise.
    pub node_port: Option<u16>,
    /// Whom to mine with.
    pub network: Network,
    /// Plots that are scanned at once per drive.
    pub max_concurrent_proofs: NonZeroUsize,
    /// Where scans take leaves from.
    pub leaf_source: LeafOrigin,
    /// How scans read.
    pub io: Io,
    /// Longest time that a scan may take.
    pub proof_timeout: Duration,
    /// Pause between attempts to connect.
    pub retry_interval: Duration,
    /// Attempts to connect at boot; later ones never end.
    pub max_connection_retries: u32,
    /// Whether rates and timings are shown.
    pub performance_monitoring: bool,
    /// The plugin files to load.
    pub plugins: Vec<PluginEntry>,
    /// Folders in which plugin files are looked for, in order; those of the
    /// command line come first.
    pub plugin_directories: Vec<PathBuf>,
    /// Folders of the command line whose plugins are loaded whoever made them.
    pub open_directories: Vec<PathBuf>,
    /// Where the private copies are that plugins are loaded from.
    pub plugin_cache: PathBuf,
    /// Who signs plugins that may be loaded, by a name that the user gave them.
    pub trusted_keys: BTreeMap<String, PublicKey>,
    /// Which leaves are scanned; `None`: all, in order.
    pub strategy: Option<ComponentEntry>,
    /// What hashes leaves; `None`: the host's kernels.
    pub engine: Option<ComponentEntry>,
    /// What hashes on this machine; `None`: the fastest that it runs.
    pub kernels: Option<Kernels>,
    /// What goes into blocks; `None`: nothing.
    pub policy: Option<ComponentEntry>,
    /// Where challenges come from.
    pub transports: Vec<ComponentEntry>,
    /// Where challenges are recorded.
    pub record: RecordEntry,
    /// Strategies that are tried on live challenges, without submitting.
    pub shadows: Vec<ShadowEntry>,
    /// What `run` may create when it is missing; `None`: nothing.
    pub first_run: Option<FirstRun>,
}

/// A plugin file to load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginEntry {
    /// As the manifest has it: a path relative to its folder, or a bare crate
    /// name that is looked for.
    pub path: PathBuf,
    /// Its line in the manifest, from 1; 0 = on the command line.
    pub line: u32,
    /// What must speak for the file; `None`: anything that may.
    pub trust: Option<Trust>,
    /// What the file's hash must be, whatever speaks for it.
    pub sha256: Option<FileHash>,
}

/// What must speak for a plugin file, so that it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nothing.
    Any,
    /// The lock file.
    Locked,
    /// A signature by one of these: names of `trusted_keys`, or keys.
    Signed {
        /// At least one.
        by: Vec<String>,
    },
}

/// A component of a loaded plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentEntry {
    /// Its name, or `plugin-id/name`.
    pub name: String,
    /// Which plugin is meant, where several have the name: its path as in
    /// `plugins`, its id, or `id@version`.
    pub plugin: Option<String>,
    /// Its config.
    pub config: ConfigText,
}

/// Where challenges are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordEntry {
    /// Whether they are.
    pub enabled: bool,
    /// The newer one of the two files.
    pub file: PathBuf,
    /// Bytes that both may have together.
    pub limit: u64,
}

/// A strategy that is tried on live challenges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowEntry {
    /// The strategy.
    pub component: ComponentEntry,
    /// Whether it may read, in the time that scans leave.
    pub reads: bool,
}

/// A component's config, which only the component can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigText {
    /// RON text as it stands in the manifest; `()` if there is none.
    pub text: String,
    /// What the text stands in: the manifest's path, or a `--set`.
    pub origin: String,
    /// Where it starts there, from 1.
    pub line: u32,
    /// Likewise.
    pub column: u32,
    /// The RON extensions that the manifest switched on, as `ron`'s bits.
    pub ron_extensions: u64,
}

impl ConfigText {
    /// A config that stands in no file.
    pub fn given(text: &str, origin: &str) -> Self {
        Self {
            text: text.to_owned(),
            origin: origin.to_owned(),
            line: 1,
            column: 1,
            ron_extensions: 0,
        }
    }
}

/// What `run` may create when it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstRun {
    /// A key.
    pub create_key: bool,
    /// A plot of this size in bytes, where there is none at all.
    pub plot_bytes: Option<u64>,
}

impl Manifest {
    /// The file beside it with the hashes of installed plugins.
    pub fn lock_file(&self) -> PathBuf {
        self.folder.join("plugins.lock")
    }

    /// What the manifest is called in messages.
    pub fn name(&self) -> String {
        let file = self.file.as_deref().unwrap_or(Path::new("the manifest"));
        file.display().to_string()
    }

    /// A path of a component's config: `~/` is the user's home, all else is
    /// relative to the manifest.
    ///
    /// # Errors
    ///
    /// What is wrong with it, after its text in a sentence.
    pub fn resolve(folder: &Path, text: &str) -> Result<PathBuf, &'static str> {
        super::read::expand(text).map(|path| folder.join(path))
    }
}
