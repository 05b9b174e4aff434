//! What tells one version of a file from another without reading it.

use std::{fs::Metadata, time::SystemTime};

/// Which file it is and when it last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    /// Device number; 0 where the system has none.
    pub(crate) device: u64,
    /// Number on that device; 0 where the system has none.
    pub(crate) inode: u64,
    /// Length in bytes.
    pub(crate) len: u64,
    modified: Option<SystemTime>,
}

impl FileStamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let (device, inode) = place(metadata);
        Self { device, inode, len: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Whether both are one file on disk, changed or not. Only an answer where
    /// the system numbers files.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

#[cfg(unix)]
fn place(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn place(_: &Metadata) -> (u64, u64) {
    (0, 0)
}
