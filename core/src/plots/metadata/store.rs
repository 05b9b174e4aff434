//! The metadata file on disk: replaced as a whole, locked by its one writer,
//! kept aside when it cannot be read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{Entry, Timestamp, parse, write::render};
use crate::{
    durable::{self, with_suffix},
    lock::{Holder, LockError, is_at, lock, open_locked},
};

/// Why the metadata file cannot be used.
#[derive(Debug, Error)]
pub enum MetadataError {
    /// Another process writes it.
    #[error("the plot metadata {} is in use by {holder}: stop it, or give this miner its own", path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// Who uses it.
        holder: Holder,
    },
    /// The system refused.
    #[error("cannot {action} the plot metadata {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The entries, and what had to be done to have them.
#[derive(Debug, Default)]
pub(in crate::plots) struct Loaded {
    pub(in crate::plots) entries: Vec<Entry>,
    /// Why the file could not be understood, and where it is kept.
    pub(in crate::plots) corrupt: Option<(String, PathBuf)>,
}

/// The file, of which this process is the one writer while it has this.
#[derive(Debug)]
pub(in crate::plots) struct MetadataFile {
    path: PathBuf,
    /// Locked. Replaced with the file.
    file: File,
}

/// Reads the file without writing anything: beside its writer, if need be.
pub(in crate::plots) fn read_only(path: &Path) -> Result<Loaded, MetadataError> {
    match fs::read(path) {
        Ok(bytes) => Ok(match parse(&bytes) {
            Ok(entries) => Loaded { entries: entries.unwrap_or_default(), corrupt: None },
            Err(reason) => Loaded { entries: Vec::new(), corrupt: Some((reason, path.to_owned())) },
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Loaded::default()),
        Err(error) => Err(failed("read", path)(error)),
    }
}

impl MetadataFile {
    /// Takes the file and reads it; makes it, with its folders, if it is
    /// absent. One that cannot be understood is moved aside first.
    pub(in crate::plots) fn open(path: &Path) -> Result<(Self, Loaded), MetadataError> {
        let folder = durable::folder_of(path);
        fs::create_dir_all(folder).map_err(failed("create the folder of", path))?;
        let mut file = Self::take(path)?;
        // What a writer left that was killed before it renamed it.
        durable::remove(&durable::temporary(path)).map_err(failed("clean up beside", path))?;
        let bytes = fs::read(path).map_err(failed("read", path))?;
        let loaded = match parse(&bytes) {
            Ok(entries) => Loaded { entries: entries.unwrap_or_default(), corrupt: None },
            Err(reason) => {
                let backup = with_suffix(path, &format!(".corrupt.{}", Timestamp::now().compact()));
                fs::rename(path, &backup).map_err(failed("move aside", path))?;
                file = Self::take(path)?;
                Loaded { entries: Vec::new(), corrupt: Some((reason, backup)) }
            }
        };
        Ok((file, loaded))
    }

    /// Locks the file that is there, or a new, empty one.
    fn take(path: &Path) -> Result<Self, MetadataError> {
        loop {
            match OpenOptions::new().read(true).write(true).open(path) {
                Ok(file) => {
                    lock(&file, path).map_err(refused("lock", path))?;
                    if is_at(&file, path).map_err(failed("open", path))? {
                        return Ok(Self { path: path.to_owned(), file });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let made = write_locked(path, &[])?;
                    match durable::rename_new(&durable::temporary(path), path) {
                        Ok(()) => return Ok(Self { path: path.to_owned(), file: made }),
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                        Err(error) => return Err(failed("create", path)(error)),
                    }
                }
                Err(error) => return Err(failed("open", path)(error)),
            }
        }
    }

    /// Replaces the file's content. The lock is on the new file before it has
    /// the name, so there is no moment without a holder.
    pub(in crate::plots) fn save(&mut self, entries: &[Entry]) -> Result<(), MetadataError> {
        let file = write_locked(&self.path, entries)?;
        fs::rename(durable::temporary(&self.path), &self.path)
            .and_then(|()| durable::sync_folder(&self.path))
            .map_err(failed("replace", &self.path))?;
        self.file = file;
        Ok(())
    }
}

/// Writes the entries into the temporary file, locked and synced.
fn write_locked(path: &Path, entries: &[Entry]) -> Result<File, MetadataError> {
    let temporary = durable::temporary(path);
    let mut file = open_locked(&temporary).map_err(refused("write", path))?;
    file.set_len(0)
        .and_then(|()| file.write_all(render(entries).as_bytes()))
        .and_then(|()| file.sync_all())
        .map_err(failed("write", path))?;
    Ok(file)
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> MetadataError {
    let path = path.to_owned();
    move |source| MetadataError::Io { action, path: path.clone(), source }
}

fn refused(action: &'static str, path: &Path) -> impl Fn(LockError) -> MetadataError {
    let path = path.to_owned();
    move |error| match error {
        LockError::Held(holder) => MetadataError::Held { path: path.clone(), holder },
        LockError::Io(source) => MetadataError::Io { action, path: path.clone(), source },
    }
}
