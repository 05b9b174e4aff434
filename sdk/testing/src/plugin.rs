//! The plugin under test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use spacetime_sdk_loader::{
    Descriptor, Engine, Fault, Library, OpenRequest, Policy, Strategy, unbuilt,
};
use tempfile::TempDir;

use crate::{
    build::cdylib,
    engine::TestedEngine,
    host::{Recorder, Told},
    strategy::TestedStrategy,
    transport::{self, TestedTransport},
};

/// A loaded plugin and its host.
pub struct Plugin {
    library: Library,
    host: Arc<Recorder>,
    // Deleted with it.
    _copy: TempDir,
}

impl Plugin {
    /// Builds the package whose test this is, and loads its library.
    ///
    /// # Panics
    ///
    /// If it does not build, or the loader refuses it.
    pub fn build() -> Self {
        let package = env::var_os("CARGO_MANIFEST_DIR");
        let package = package.expect("cargo says whose test it runs; run it by `cargo test`");
        Self::load(&cdylib(&PathBuf::from(package)))
    }

    /// Loads a plugin file: a copy of it, as a loaded library keeps the host
    /// that it was connected to first, and every test is a host of its own.
    ///
    /// # Panics
    ///
    /// If it cannot be copied, or the loader refuses it.
    pub fn load(path: &Path) -> Self {
        let host = Recorder::new(5);
        let copy = TempDir::new().and_then(|folder| {
            fs::copy(path, folder.path().join(path.file_name().unwrap_or_default()))?;
            Ok(folder)
        });
        let copy = copy.unwrap_or_else(|error| {
            let next = unbuilt(path).filter(|_| !path.is_file()).unwrap_or_default();
            panic!("cannot copy {}: {error}. {next}", path.display())
        });
        let file = copy.path().join(path.file_name().unwrap_or_default());
        match Library::load(&file, host.clone()) {
            Ok(library) => Self { library, host, _copy: copy },
            Err(refusal) => panic!("{}: {refusal}\n{}", path.display(), refusal.detail()),
        }
    }

    /// What the plugin says about itself.
    pub fn descriptor(&self) -> &Descriptor {
        self.library.descriptor()
    }

    /// What it has told its host: logs, stray faults, counters.
    pub fn told(&self) -> Told {
        self.host.told()
    }

    /// Opens a strategy with a config in RON; `()` for none.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn strategy(&self, name: &str, config: &str) -> Result<TestedStrategy, Fault> {
        Strategy::open(&self.library, &request(name, config)).map(TestedStrategy::new)
    }

    /// Opens an engine with a config in RON; `()` for none.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn engine(&self, name: &str, config: &str) -> Result<TestedEngine, Fault> {
        Engine::open(&self.library, &request(name, config)).map(TestedEngine)
    }

    /// Opens a policy with a config in RON; `()` for none.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn policy(&self, name: &str, config: &str) -> Result<Policy, Fault> {
        Policy::open(&self.library, &request(name, config))
    }

    /// Opens a session of a transport with a config in RON; `()` for none. It
    /// mines on the network `local`, and stores what it stores in a folder of
    /// its own.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn transport(&self, name: &str, config: &str) -> Result<TestedTransport, Fault> {
        TestedTransport::open(&self.library, name, config)
    }

    /// What a transport says to the command `check`, which opens no session.
    ///
    /// # Errors
    ///
    /// The component's or its config's.
    pub fn check_transport(&self, name: &str, config: &str) -> Result<String, Fault> {
        transport::check(&self.library, name, config)
    }
}

/// A request for a component, with its own name as the instance's, and its
/// config as if it stood at the beginning of a file.
pub fn request<'a>(component: &'a str, config: &'a str) -> OpenRequest<'a> {
    OpenRequest {
        component,
        instance: component,
        config,
        config_line: 1,
        config_column: 1,
        ron_extensions: 0,
    }
}
