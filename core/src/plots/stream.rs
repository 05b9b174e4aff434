//! Reads a range of a plot's leaves once, in order: one thread reads ahead
//! while the other works on what has been read.

use std::{ops::Range, thread};

use crossbeam_channel::bounded;
use spacetime_protocol::Leaf;

use super::{
    source::{LeafSource, ReadError},
    tree::{SUBTREE_BYTES, SUBTREE_LEAVES},
};

/// Subtrees of a batch: 4 MiB of leaves.
const BATCH_SUBTREES: u64 = 32;
/// Leaves of a batch.
pub(super) const BATCH_LEAVES: u64 = BATCH_SUBTREES * SUBTREE_LEAVES;
/// Batches in memory: one being read, one waiting, one in use.
const BATCHES: usize = 3;

/// Gives `each` the leaves of `range` in batches of whole subtrees, the last
/// one excepted, until there are no more or it returns `false`.
///
/// # Errors
///
/// The first read that failed; what lay before it was given to `each`.
pub(super) fn stream(
    plot: &dyn LeafSource,
    range: Range<u64>,
    mut each: impl FnMut(u64, &[u8]) -> bool,
) -> Result<(), ReadError> {
    let (full, filled) = bounded::<(u64, Result<Vec<u8>, ReadError>)>(1);
    let (free, spare) = bounded::<Vec<u8>>(BATCHES);
    for _ in 0..BATCHES {
        // There is room for all of them.
        let _ = free.send(Vec::new());
    }
    thread::scope(|scope| {
        scope.spawn(move || {
            for (first, len) in batches(range) {
                let Ok(mut buffer) = spare.recv() else { return };
                buffer.resize(len, 0);
                let read = plot.read(first, &mut buffer).map(|()| buffer);
                let failed = read.is_err();
                if full.send((first, read)).is_err() || failed {
                    return;
                }
            }
        });
        // Owned here, so that leaving early ends the reader.
        let (filled, free) = (filled, free);
        for (first, read) in &filled {
            let leaves = read?;
            if !each(first, &leaves) {
                break;
            }
            let _ = free.send(leaves);
        }
        Ok(())
    })
}

/// Consecutive leaves of a plot.
pub(super) struct Piece<'a> {
    /// The first of them.
    pub(super) first: u64,
    /// How many they are.
    pub(super) count: u64,
    /// The leaves, or why they cannot be read.
    pub(super) read: Result<&'a [u8], ReadError>,
}

/// As [`stream`] from the first leaf to the last, but goes on behind what
/// cannot be read: of a batch that fails, each subtree is read on its own.
pub(super) fn stream_past(plot: &dyn LeafSource, mut each: impl FnMut(Piece<'_>) -> bool) {
    let count = plot.leaf_count();
    let mut buffer = Vec::new();
    let mut at = 0;
    let mut wanted = true;
    while wanted && at < count {
        let streamed = stream(plot, at..count, |first, leaves| {
            let count = (leaves.len() / Leaf::SIZE) as u64;
            at = first + count;
            wanted = each(Piece { first, count, read: Ok(leaves) });
            wanted
        });
        if streamed.is_ok() {
            return;
        }
        let end = count.min(at + BATCH_LEAVES);
        while wanted && at < end {
            let count = SUBTREE_LEAVES.min(end - at);
            buffer.resize(count as usize * Leaf::SIZE, 0);
            let read = plot.read(at, &mut buffer).map(|()| &*buffer);
            wanted = each(Piece { first: at, count, read });
            at += count;
        }
    }
}

/// First leaf and bytes of each batch.
fn batches(range: Range<u64>) -> impl Iterator<Item = (u64, usize)> {
    let mut first = range.start;
    std::iter::from_fn(move || {
        let leaves = range.end.saturating_sub(first).min(BATCH_LEAVES);
        let batch = (leaves > 0).then_some((first, leaves as usize * Leaf::SIZE));
        first += leaves;
        batch
    })
}

const _: () = assert!(SUBTREE_BYTES == SUBTREE_LEAVES as usize * Leaf::SIZE);
