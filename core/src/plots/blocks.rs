//! Reads and writes of whole blocks past the system's memory, where system and file
//! system have such: nothing is copied, and nothing else is pushed out of memory by
//! leaves that are looked at once a challenge.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

use memmap2::MmapMut;

use super::positioned::read_some;

/// Bytes of a block. Offsets, lengths and addresses of what is read past the
/// system's memory are multiples of it; no drive in use has larger sectors.
pub const BLOCK: usize = 4096;

/// Opens a file for such reads.
pub(super) fn open(path: &Path) -> io::Result<File> {
    open_as(path, OpenOptions::new().read(true))
}

/// Opens a file that is there for such writes.
pub(super) fn open_to_write(path: &Path) -> io::Result<File> {
    open_as(path, OpenOptions::new().write(true))
}

#[cfg(target_os = "linux")]
fn open_as(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_DIRECT).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open_as(_: &Path, _: &mut OpenOptions) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Memory for such reads and writes: anonymous maps are page-aligned, and drives
/// take large pages several times as fast, for one address is to be told them
/// instead of hundreds.
pub(crate) fn memory_of_blocks(bytes: usize) -> io::Result<MmapMut> {
    let memory = MmapMut::map_anon(bytes)?;
    // Without large pages, it is memory all the same.
    #[cfg(target_os = "linux")]
    let _ = memory.advise(memmap2::Advice::HugePage);
    Ok(memory)
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
