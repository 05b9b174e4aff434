//! Files that only their owner may read: what is secret in them is never
//! readable for others, not for a moment, and never overwritten.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::durable;

/// Secrets are far shorter.
pub(crate) const LONGEST: u64 = 4096;

/// Why a file with a secret key was not read or written.
#[derive(Debug, Error)]
pub enum SecretFileError {
    /// No such file.
    #[error(
        "there is no key file {}: make one with `spacetime-miner {make} {}`",
        path.display(), path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The command that makes one, up to the file.
        make: &'static str,
    },
    /// A key would be overwritten.
    #[error("the key file {} exists already: a key is never overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others may use it.
    #[error(
        "the key file {} can be used by others (mode {mode:03o}): run `chmod 600 {}`",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is too long for a key, or no file.
    #[error("{} is not a key file: it is not a small file", path.display())]
    NotSmall {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot {action} the key file {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> SecretFileError {
    move |source| SecretFileError::Io { action, path: path.to_owned(), source }
}

/// Draws a secret for a file.
pub(crate) fn draw(path: &Path) -> Result<Zeroizing<[u8; 32]>, SecretFileError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(|error| {
        failed("draw random bytes for", path)(io::Error::other(error.to_string()))
    })?;
    Ok(secret)
}

/// Reads a file that only its owner may read; `make`: the command that makes
/// one, up to the file.
pub(crate) fn read(path: &Path, make: &'static str) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SecretFileError::Missing { path: path.to_owned(), make },
        _ => failed("read", path)(source),
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return Err(SecretFileError::NotSmall { path: path.to_owned() });
    }
    check_mode(path, &metadata)?;
    // Once more what is checked is what is read: the length bounds it.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
    let file = fs::File::open(path).map_err(failed)?;
    check_mode(path, &file.metadata().map_err(failed)?)?;
    file.take(LONGEST).read_to_end(&mut text).map_err(failed)?;
    Ok(text)
}

/// Writes a new file that only its owner may read.
pub(crate) fn write(path: &Path, text: &[u8]) -> Result<(), SecretFileError> {
    let exists = || SecretFileError::Exists { path: path.to_owned() };
    if fs::symlink_metadata(path).is_ok() {
        return Err(exists());
    }
    let folder = durable::folder_of(path);
    fs::create_dir_all(folder).map_err(failed("create the folder of", path))?;
    let temporary = durable::temporary(path);
    // What a killed run left; nobody else makes files of that name.
    durable::remove(&temporary).map_err(failed("clean up beside", path))?;
    private(&temporary)
        .and_then(|mut file| file.write_all(text).and_then(|()| file.sync_all()))
        .map_err(failed("write", path))?;
    durable::rename_new(&temporary, path).map_err(|error| {
        let _ = durable::remove(&temporary);
        match error.kind() {
            io::ErrorKind::AlreadyExists => exists(),
            _ => failed("create", path)(error),
        }
    })
}

/// A new file that only its owner may read, from its first moment on.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), SecretFileError> {
    use std::os::unix::fs::PermissionsExt;
    match metadata.permissions().mode() & 0o777 {
        mode if mode & 0o077 == 0 => Ok(()),
        mode => Err(SecretFileError::Exposed { path: path.to_owned(), mode }),
    }
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<(), SecretFileError> {
    Ok(())
}
