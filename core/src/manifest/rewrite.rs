//! Changes of the manifest's file: read, changed and replaced as a whole, by
//! one process at a time.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{edit::Change, error::ManifestError};
use crate::{
    durable,
    lock::{Holder, LockError, open_locked},
};

/// Why a manifest was not changed.
#[derive(Debug, Error)]
pub enum RewriteError {
    /// It is missing, or wrong already.
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    /// It is written in a way that only its author should touch.
    #[error(
        "{} is written in a way that no program should change: write this into it yourself: \
         {change}",
        file.display()
    )]
    Unusual {
        /// The file.
        file: PathBuf,
        /// What was to be changed.
        change: Change,
    },
    /// Another process changes it.
    #[error("{} is being changed by {holder}: try again", file.display())]
    Busy {
        /// The file.
        file: PathBuf,
        /// Who changes it.
        holder: Holder,
    },
    /// The system refused.
    #[error("cannot change {}: {source}; write this into it yourself: {change}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What was to be changed.
        change: Change,
    },
}

/// Changes a manifest's file.
///
/// # Errors
///
/// See [`RewriteError`]; then it is as it was.
pub fn rewrite(file: &Path, change: &Change) -> Result<(), RewriteError> {
    let failed =
        |source| RewriteError::Io { file: file.to_owned(), source, change: change.clone() };
    // A symbolic link stays one.
    let real = file.canonicalize().map_err(|error| ManifestError::unreadable(file, error))?;
    let _held = open_locked(&real).map_err(|error| match error {
        LockError::Held(holder) => RewriteError::Busy { file: file.to_owned(), holder },
        LockError::Io(source) => failed(source),
    })?;
    let text = fs::read_to_string(&real).map_err(failed)?;
    let changed = change
        .apply(file, &text)?
        .ok_or_else(|| RewriteError::Unusual { file: file.to_owned(), change: change.clone() })?;
    durable::replace_as_it_was(&real, changed.as_bytes()).map_err(failed)
}
