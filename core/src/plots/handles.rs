//! The open files of all plots: opened on demand, the least recently used
//! closed first, so that ten thousand plots need few descriptors.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// More than this many open plots gain nothing.
const MOST: usize = 1024;
/// Fewer would be opened and closed all the time.
const LEAST: usize = 8;

/// Shared by the process, because its descriptors are.
static HANDLES: LazyLock<Handles> = LazyLock::new(|| Handles::new(descriptor_limit() / 2));

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A plot's place among the open files. Dropping it closes the file.
#[derive(Debug)]
pub(super) struct Slot(u64);

impl Slot {
    pub(super) fn new() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The open file, opened by `open` if need be. Whoever holds it may go on
    /// using it after it was closed here.
    pub(super) fn get<E>(&self, open: impl FnOnce() -> Result<File, E>) -> Result<Arc<File>, E> {
        if let Some(file) = HANDLES.find(self.0) {
            return Ok(file);
        }
        // Not under the lock: a dead drive would hold up all the others.
        let file = Arc::new(open()?);
        HANDLES.keep(self.0, file.clone());
        Ok(file)
    }

    /// Closes the file; the next use opens it again.
    pub(super) fn close(&self) {
        HANDLES.lock().close(self.0);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.close();
    }
}

struct Handles {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<u64, Handle>,
    /// Slots by their last use.
    order: BTreeMap<u64, u64>,
    uses: u64,
}

struct Handle {
    file: Arc<File>,
    used: u64,
}

impl Handles {
    fn new(capacity: usize) -> Self {
        Self { capacity: capacity.clamp(LEAST, MOST), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, slot: u64) -> Option<Arc<File>> {
        self.lock().find(slot)
    }

    fn keep(&self, slot: u64, file: Arc<File>) {
        let mut state = self.lock();
        state.close(slot);
        state.uses += 1;
        let used = state.uses;
        state.open.insert(slot, Handle { file, used });
        state.order.insert(used, slot);
        while state.open.len() > self.capacity
            && let Some((_, oldest)) = state.order.pop_first()
        {
            state.open.remove(&oldest);
        }
    }
}

impl State {
    fn find(&mut self, slot: u64) -> Option<Arc<File>> {
        let handle = self.open.get_mut(&slot)?;
        self.order.remove(&handle.used);
        self.uses += 1;
        handle.used = self.uses;
        self.order.insert(self.uses, slot);
        Some(handle.file.clone())
    }

    fn close(&mut self, slot: u64) {
        if let Some(handle) = self.open.remove(&slot) {
            self.order.remove(&handle.used);
        }
    }
}

#[cfg(unix)]
fn descriptor_limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(MOST * 2, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn descriptor_limit() -> usize {
    512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_file_is_closed() {
        let handles = Handles::new(0);
        let file = Arc::new(tempfile::tempfile().unwrap());
        for slot in 0..LEAST as u64 {
            handles.keep(slot, file.clone());
        }
        assert!(handles.find(0).is_some());
        handles.keep(100, file.clone());
        assert!(handles.find(1).is_none(), "the oldest is gone");
        assert!(handles.find(0).is_some(), "one in use stays");
        assert_eq!(handles.lock().open.len(), LEAST);
        handles.lock().close(0);
        handles.keep(2, file);
        let state = handles.lock();
        assert_eq!((state.open.len(), state.order.len()), (LEAST - 1, LEAST - 1));
    }
}
