//! Reads and writes of whole blocks past the system's memory, where system and file
//! system have such: nothing is copied, and nothing else is pushed out of memory by
//! leaves that are looked at once a challenge.

use std::{fs::File, io, path::Path};

use super::positioned::read_some;

/// Bytes of a block. Offsets, lengths and addresses of what is read past the
/// system's memory are multiples of it; no drive in use has larger sectors.
pub const BLOCK: usize = 4096;

/// Opens a file for such reads.
#[cfg(target_os = "linux")]
pub(super) fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path)
}

/// Opens a file that is there for writes of the same kind.
#[cfg(target_os = "linux")]
pub(super) fn open_to_write(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open_to_write(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether an error says that there are no such reads here, or not at such
/// places, rather than that the drive is at fault.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// Reads from a block's beginning on, until there are at least so many bytes
/// or the file ends; how many that gave.
pub(super) fn read(file: &File, out: &mut [u8], offset: u64, least: usize) -> io::Result<usize> {
    let mut done = 0;
    while done < least {
        match read_some(file, &mut out[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        // The file ends within a block, and no read begins there.
        if done % BLOCK != 0 {
            break;
        }
    }
    Ok(done)
}
