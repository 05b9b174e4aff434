//! Room for blocks that came before their time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Blocks that wait for their time at most, and their bytes: nothing but their
/// time was looked at, so anybody can make them.
const MAX_BLOCKS: usize = 64;
const MAX_BYTES: usize = 16 << 20;

/// Room for blocks that came before their time.
pub(super) struct Early {
    /// In bytes; each block takes at least its share.
    room: Arc<Semaphore>,
}

impl Default for Early {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MAX_BYTES)) }
    }
}

impl Early {
    /// Room for a block of this many bytes, until it is dropped; `None`: there
    /// is none.
    pub(super) fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.max(MAX_BYTES / MAX_BLOCKS)).ok()?;
        Arc::clone(&self.room).try_acquire_many_owned(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_blocks_and_bytes() {
        let early = Early::default();
        let mut small: Vec<_> = (0..MAX_BLOCKS).map(|_| early.take(1).unwrap()).collect();
        assert!(early.take(1).is_none());
        small.pop();
        assert!(early.take(1).is_some(), "the one that is gone made room");
        drop(small);
        let half = early.take(MAX_BYTES / 2).unwrap();
        assert!(early.take(MAX_BYTES / 2 + 1).is_none());
        drop(half);
        assert!(early.take(MAX_BYTES).is_some());
        assert!(early.take(MAX_BYTES + 1).is_none());
    }
}
