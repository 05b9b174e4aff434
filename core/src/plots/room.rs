//! Whether the disk has room for a plot.

use std::{fs::Metadata, io, path::Path};

use crate::durable::folder_of;

/// Bytes that are free for us on the disk of a file that may not exist yet.
#[cfg(unix)]
pub(super) fn available(file: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder_of(file))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The system is asked only when it refuses to write.
#[cfg(not(unix))]
pub(super) fn available(_: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}

/// Bytes that a file takes on its disk, holes not counted.
pub(super) fn taken(metadata: &Metadata) -> u64 {
    #[cfg(unix)]
    {
        std::os::unix::fs::MetadataExt::blocks(metadata) * 512
    }
    #[cfg(not(unix))]
    {
        metadata.len()
    }
}
