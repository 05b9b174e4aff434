//! `plugin new`: a plugin's Cargo project, from the templates in
//! `core/templates`. It is there as a whole, or not at all.

mod error;
mod folder;
mod name;
mod sdk;
mod template;

use std::path::{Path, PathBuf};

pub use error::ScaffoldError;
pub use name::PluginName;
pub use sdk::Sdk;
pub use template::Template;

/// Makes the project of a plugin with one component, both of this name, in a
/// folder that must not be there yet: which files it has, as paths within it.
///
/// # Errors
///
/// The folder is there, or cannot be made.
pub fn make(
    name: &PluginName,
    kind: Template,
    sdk: &Sdk,
    folder: &Path,
) -> Result<Vec<PathBuf>, ScaffoldError> {
    let mut files = template::files(name, kind, sdk);
    // With the versions that the SDK was tested with, most of which are on this
    // machine already.
    files.extend(sdk.lock()?.map(|lock| (PathBuf::from("Cargo.lock"), lock)));
    folder::write(folder, &files)?;
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
