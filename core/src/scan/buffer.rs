//! Leaf buffers: page-aligned, of one size, recycled. Their number bounds the
//! memory of all scans together, whatever the plots' sizes.

use std::io;

use crossbeam_channel::{Receiver, Sender, bounded};
use memmap2::MmapMut;

/// Bytes of one buffer: about a millisecond of hashing, so that a cancel is
/// seen quickly, and enough for a drive to read at full speed.
pub(super) const BUFFER_BYTES: usize = 1 << 20;

/// What all buffers together may take.
const ALL_BYTES: usize = 48 << 20;

/// A recycled buffer; goes back to its pool when dropped.
pub(super) struct Buffer {
    // `Some` until dropped.
    memory: Option<MmapMut>,
    pool: Sender<MmapMut>,
}

impl Buffer {
    pub(super) fn bytes(&self) -> &[u8] {
        self.memory.as_deref().unwrap_or_default()
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            // The pool has room for all its buffers; it may be gone.
            let _ = self.pool.try_send(memory);
        }
    }
}

/// All buffers of a scanner.
pub(super) struct Buffers {
    free: Receiver<MmapMut>,
    home: Sender<MmapMut>,
}

impl Buffers {
    /// Buffers for so many hashing workers.
    ///
    /// # Errors
    ///
    /// The system has no memory.
    pub(super) fn new(workers: usize) -> io::Result<Self> {
        let count = (4 * workers).clamp(8, ALL_BYTES / BUFFER_BYTES);
        let (home, free) = bounded(count);
        for _ in 0..count {
            // Anonymous maps: page-aligned, and the system's again when freed.
            let _ = home.try_send(MmapMut::map_anon(BUFFER_BYTES)?);
        }
        Ok(Self { free, home })
    }

    /// A free buffer, once there is one or `give_up` says so (asked every 5 ms).
    pub(super) fn take(&self, give_up: impl Fn() -> bool) -> Option<Buffer> {
        loop {
            if give_up() {
                return None;
            }
            if let Ok(memory) = self.free.recv_timeout(std::time::Duration::from_millis(5)) {
                return Some(Buffer { memory: Some(memory), pool: self.home.clone() });
            }
        }
    }
}
