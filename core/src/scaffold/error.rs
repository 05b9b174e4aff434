//! Why there is no project.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a plugin's project cannot be made.
#[derive(Debug, Error)]
pub enum ScaffoldError {
    /// Something has that name already.
    #[error("{} is there already, and nothing is overwritten: choose another NAME or --path", path.display())]
    Exists {
        /// The project's folder.
        path: PathBuf,
    },
    /// There is nowhere to make it.
    #[error("there is no folder {} to make the project in", path.display())]
    NoParent {
        /// The folder that it would lie in.
        path: PathBuf,
    },
    /// There is no SDK where one should be.
    #[error(
        "there is no SDK in {}: with --sdk, name the folder `sdk` of the miner's sources, or \
         share/spacetime-miner/sdk of an installed one", path.display()
    )]
    NoSdk {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The program was moved away from what came with it.
    #[error(
        "no SDK came with this miner, {}: with --sdk, name the folder `sdk` of the miner's \
         sources, or share/spacetime-miner/sdk of an installed one", program.display()
    )]
    NoSdkOfOurs {
        /// This program.
        program: PathBuf,
    },
    /// A path that has no place in a quoted text.
    #[error(
        "the SDK's path {path:?} cannot be written into Cargo.toml: use one without quotes, \
             backslashes and control characters"
    )]
    OddPath {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ScaffoldError {
    /// An error of the system about a path.
    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
