//! Leaf buffers: page-aligned, of one size, recycled. Their number bounds the
//! memory of all scans together, whatever the plots' sizes.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use memmap2::MmapMut;

use crate::plots::{BLOCK, memory_of_blocks};

/// Bytes of leaves in one buffer: enough for workers and engines to be busy with.
pub(super) const BUFFER_BYTES: usize = 1 << 20;

/// What a buffer holds besides: the rest of the blocks in which its first and
/// its last leaf lie.
const MARGINS: usize = 2 * BLOCK;

const _: () = assert!(BUFFER_BYTES + MARGINS <= LARGE_PAGE);

/// The first so many buffers lie in a large page each, where the system has
/// such.
const IN_LARGE_PAGES: usize = 12;

/// Bytes of a large page.
const LARGE_PAGE: usize = 2 << 20;

/// What the workers' buffers together may take.
const ALL_BYTES: usize = 40 << 20;

/// How often a wait for a buffer looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(5);

/// A recycled buffer; goes back to its pool when dropped.
pub(super) struct Buffer {
    // `Some` until dropped.
    memory: Option<MmapMut>,
    home: Arc<Home>,
}

impl Buffer {
    pub(super) fn bytes(&self) -> &[u8] {
        self.memory.as_deref().map_or(&[], |memory| &memory[..BUFFER_BYTES + MARGINS])
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.as_deref_mut().map_or(&mut [], |memory| &mut memory[..BUFFER_BYTES + MARGINS])
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            self.home.take_back(memory);
        }
    }
}

/// Where free buffers are.
struct Home {
    // Bounded by the number of buffers that exist.
    free: Sender<MmapMut>,
    /// Buffers that exist.
    count: AtomicUsize,
    /// Buffers that there shall be, but for those on loan.
    wanted: AtomicUsize,
    /// Buffers that there shall be besides, for as long as somebody says so.
    on_loan: AtomicUsize,
}

impl Home {
    fn take_back(&self, memory: MmapMut) {
        let surplus = |count: usize| (count > self.wanted()).then(|| count - 1);
        if self.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, surplus).is_err() {
            // The pool may be gone, with its buffers.
            let _ = self.free.send(memory);
        }
    }

    fn wanted(&self) -> usize {
        self.wanted.load(Ordering::Acquire) + self.on_loan.load(Ordering::Acquire)
    }

    /// Sees to it that there are as many as there shall be.
    fn fill(&self) -> io::Result<()> {
        while self.count.load(Ordering::Acquire) < self.wanted() {
            self.add()?;
        }
        Ok(())
    }

    fn add(&self) -> io::Result<()> {
        // Anonymous maps: page-aligned, and the system's again when freed.
        let memory = match self.count.fetch_add(1, Ordering::AcqRel) < IN_LARGE_PAGES {
            // A large page cannot be had in parts.
            true => memory_of_blocks(LARGE_PAGE),
            false => MmapMut::map_anon(BUFFER_BYTES + MARGINS),
        };
        let memory = memory.inspect_err(|_| {
            self.count.fetch_sub(1, Ordering::AcqRel);
        })?;
        let _ = self.free.send(memory);
        Ok(())
    }
}

/// A buffer more than there were. Dropping it makes that one less again.
pub(super) struct Loan(Arc<Home>);

impl Drop for Loan {
    fn drop(&mut self) {
        self.0.on_loan.fetch_sub(1, Ordering::AcqRel);
    }
}

/// All buffers of a scanner.
pub(super) struct Buffers {
    free: Receiver<MmapMut>,
    home: Arc<Home>,
    for_workers: usize,
}

impl Buffers {
    /// Buffers for so many hashing workers.
    ///
    /// # Errors
    ///
    /// The system has no memory.
    pub(super) fn new(workers: usize) -> io::Result<Self> {
        let (home, free) = unbounded();
        let none = || AtomicUsize::new(0);
        let home = Home { free: home, count: none(), wanted: none(), on_loan: none() };
        let for_workers = Self::needed(workers, 0);
        let buffers = Self { free, home: Arc::new(home), for_workers };
        buffers.provide_for(1)?;
        Ok(buffers)
    }

    /// How many there are for so many workers and readers.
    pub(super) fn needed(workers: usize, readers: usize) -> usize {
        (3 * workers).clamp(6, ALL_BYTES / BUFFER_BYTES) + readers
    }

    /// Sees to it that so many readers, each of which may be stuck with a
    /// buffer in its hands, leave enough for the workers.
    ///
    /// # Errors
    ///
    /// The system has no memory; there are as many as there were.
    pub(super) fn provide_for(&self, readers: usize) -> io::Result<()> {
        self.home.wanted.store(self.for_workers + readers, Ordering::Release);
        self.home.fill()
    }

    /// One more buffer than that, for as long as the loan lasts.
    ///
    /// # Errors
    ///
    /// The system has no memory; there is none more.
    pub(super) fn lend(&self) -> io::Result<Loan> {
        self.home.on_loan.fetch_add(1, Ordering::AcqRel);
        let loan = Loan(self.home.clone());
        self.home.fill().map(|()| loan)
    }

    /// A free buffer, once there is one or `give_up` says so (asked every 5 ms).
    pub(super) fn take(&self, give_up: impl Fn() -> bool) -> Option<Buffer> {
        loop {
            if give_up() {
                return None;
            }
            if let Ok(memory) = self.free.recv_timeout(LOOK) {
                return Some(Buffer { memory: Some(memory), home: self.home.clone() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_buffers_follows_the_readers() {
        let buffers = Buffers::new(2).unwrap();
        let held: Vec<_> = (0..7).map(|_| buffers.take(|| false).unwrap()).collect();
        assert!(buffers.take(|| buffers.free.is_empty()).is_none(), "6 and one reader's");
        buffers.provide_for(3).unwrap();
        let more: Vec<_> = (0..2).map(|_| buffers.take(|| false).unwrap()).collect();
        buffers.provide_for(1).unwrap();
        drop((held, more));
        assert_eq!((buffers.free.len(), buffers.home.count.load(Ordering::Acquire)), (7, 7));
    }

    #[test]
    fn a_loan_is_one_more_until_it_ends() {
        let buffers = Buffers::new(2).unwrap();
        let loan = buffers.lend().unwrap();
        let held: Vec<_> = (0..8).map(|_| buffers.take(|| false).unwrap()).collect();
        assert!(buffers.take(|| buffers.free.is_empty()).is_none(), "7 and one");
        drop(loan);
        drop(held);
        assert_eq!(buffers.free.len(), 7);
    }
}
