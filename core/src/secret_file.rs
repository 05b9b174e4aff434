//! Files that only their owner may read: what is secret in them is never
//! readable for others, not for a moment, and never overwritten.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
};

use zeroize::Zeroizing;

use crate::durable;

/// Secrets are far shorter.
pub(crate) const LONGEST: u64 = 4096;

/// Why a secret was not read or written.
#[derive(Debug)]
pub(crate) enum SecretFileError {
    /// No such file.
    Missing,
    /// There is a file of this name.
    Exists,
    /// Others may use it: its permission bits.
    #[cfg_attr(not(unix), expect(dead_code, reason = "other systems have no such bits"))]
    Exposed(u32),
    /// It is too long for a secret, or no file.
    NotSmall,
    /// The system refused.
    Io {
        /// What was tried, in front of "the key file".
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn failed(action: &'static str) -> impl Fn(io::Error) -> SecretFileError {
    move |source| SecretFileError::Io { action, source }
}

/// Reads a file that only its owner may read.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SecretFileError::Missing,
        _ => failed("read")(source),
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return Err(SecretFileError::NotSmall);
    }
    check_mode(&metadata)?;
    // Once more what is checked is what is read: the length bounds it.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
    let file = fs::File::open(path).map_err(failed)?;
    check_mode(&file.metadata().map_err(failed)?)?;
    file.take(LONGEST).read_to_end(&mut text).map_err(failed)?;
    Ok(text)
}

/// Writes a new file that only its owner may read.
pub(crate) fn write(path: &Path, text: &[u8]) -> Result<(), SecretFileError> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(SecretFileError::Exists);
    }
    let folder = durable::folder_of(path);
    fs::create_dir_all(folder).map_err(failed("create the folder of"))?;
    let temporary = durable::temporary(path);
    // What a killed run left; nobody else makes files of that name.
    durable::remove(&temporary).map_err(failed("clean up beside"))?;
    private(&temporary)
        .and_then(|mut file| file.write_all(text).and_then(|()| file.sync_all()))
        .map_err(failed("write"))?;
    durable::rename_new(&temporary, path).map_err(|error| {
        let _ = durable::remove(&temporary);
        match error.kind() {
            io::ErrorKind::AlreadyExists => SecretFileError::Exists,
            _ => failed("create")(error),
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
fn check_mode(metadata: &fs::Metadata) -> Result<(), SecretFileError> {
    use std::os::unix::fs::PermissionsExt;
    match metadata.permissions().mode() & 0o777 {
        mode if mode & 0o077 == 0 => Ok(()),
        mode => Err(SecretFileError::Exposed(mode)),
    }
}

#[cfg(not(unix))]
fn check_mode(_: &fs::Metadata) -> Result<(), SecretFileError> {
    Ok(())
}
