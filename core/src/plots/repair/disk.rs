//! What a repair does with the plot's file: the seam at which tests put a
//! failing disk under it.

use std::{fs::File, io};

use super::super::positioned::{read_at, write_all_at};

/// A file under repair.
pub(super) trait Disk: Sync {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Reads from `offset` on until `out` is full or the file ends; how many
    /// bytes that gave.
    fn read(&self, out: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes`.
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Has everything on the disk, and the next reads come from there.
    fn sync(&self) -> io::Result<()>;
}

impl Disk for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        read_at(self, out, offset)
    }

    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_all_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()?;
        forget_cached(self);
        Ok(())
    }
}

/// Where the system keeps what it likes in memory, it is only asked.
#[cfg(target_os = "linux")]
fn forget_cached(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn forget_cached(_: &File) {}
