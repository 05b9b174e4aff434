//! Plugin files loaded through the loader.

use std::path::Path;

use spacetime_sdk_loader::{Fault, Library, Strategy};
pub use spacetime_sdk_testing::{Recorder, Told, job, leaves, lowest, plot, request, spans};

/// Loads a plugin file, with a recorder for a host.
///
/// # Panics
///
/// If it is refused.
pub fn load(path: &Path) -> Library {
    Library::load(path, Recorder::new(5)).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// Opens a strategy under its own name.
///
/// # Errors
///
/// The component's or its config's.
pub fn open_strategy(library: &Library, name: &str, config: &str) -> Result<Strategy, Fault> {
    Strategy::open(library, &request(name, config))
}
