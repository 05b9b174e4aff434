//! The second pass of a repair: writes what the file has to be where it is
//! something else, and nowhere else. Each byte that is written is the right
//! one, so that a repair that is cut off has only done less.

use std::{io, ops::Range, thread};

use crossbeam_channel::bounded;
use spacetime_protocol::{Leaf, plot::PlotHeader};

use super::{
    super::{made::Made, regions::Region},
    disk::Disk,
};

/// What is written at once at the least: a disk that cannot read a sector is
/// given the whole of it, without being asked what is in it.
const BLOCK: u64 = 4096;
/// Bytes that are compared at once.
const BATCH: u64 = 4 << 20;

const HEADER: u64 = PlotHeader::SIZE as u64;
const LEAF: u64 = Leaf::SIZE as u64;

/// What the file has to be, byte by byte.
pub(super) struct Content {
    pub(super) made: Made,
    pub(super) header: [u8; PlotHeader::SIZE],
    pub(super) leaf_count: u64,
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        HEADER + self.leaf_count * LEAF
    }

    /// The bytes of a range.
    fn bytes(&self, range: &Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        if range.start < HEADER {
            bytes.extend(&self.header[range.start as usize..range.end.min(HEADER) as usize]);
        }
        let leaves = leaves_of(range, self.leaf_count);
        let mut made = vec![0; ((leaves.end - leaves.start) * LEAF) as usize];
        self.made.many_leaves(leaves.start, &mut made);
        let skipped = range.start.saturating_sub(HEADER + leaves.start * LEAF) as usize;
        let rest = (range.end - range.start) as usize - bytes.len();
        bytes.extend(&made[skipped..skipped + rest]);
        bytes
    }
}

/// The leaves that a range of bytes touches.
pub(super) fn leaves_of(bytes: &Range<u64>, leaf_count: u64) -> Range<u64> {
    let start = bytes.start.saturating_sub(HEADER) / LEAF;
    let end = bytes.end.saturating_sub(HEADER).div_ceil(LEAF).min(leaf_count);
    start.min(end)..end
}

/// The blocks that runs of leaves touch, in bytes, in order; the header's
/// block first, if it is asked for.
pub(super) fn blocks_of(leaves: &[Range<u64>], header: bool, len: u64) -> Vec<Range<u64>> {
    let header = header.then_some(0..HEADER);
    let bytes = leaves.iter().map(|run| HEADER + run.start * LEAF..HEADER + run.end * LEAF);
    let mut blocks: Vec<Range<u64>> = Vec::new();
    for bytes in header.into_iter().chain(bytes) {
        let start = bytes.start / BLOCK * BLOCK;
        let end = bytes.end.next_multiple_of(BLOCK).min(len);
        match blocks.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => blocks.push(start..end),
        }
    }
    blocks
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// Bytes that were written.
    pub(super) written: u64,
    /// Why one of them could not be, first of all.
    pub(super) refused: Option<String>,
}

/// Writes what is not right within these blocks. What an old part of the file
/// does not take is told and passed over; where the file has to grow, it stops.
///
/// # Errors
///
/// It cannot grow. `Ok(None)`: `progress` wanted no more.
pub(super) fn mend(
    disk: &dyn Disk,
    content: &Content,
    blocks: &[Range<u64>],
    old_len: u64,
    progress: &dyn Fn(u64, u64) -> bool,
) -> io::Result<Option<Mended>> {
    let mut mended = Mended::default();
    let make = |batch: &_| content.bytes(batch);
    let wanted = each_batch(blocks, make, progress, |batch, right| {
        for run in differing(disk, &batch, &right).0 {
            let of_run = |run: &Range<u64>| {
                &right[(run.start - batch.start) as usize..(run.end - batch.start) as usize]
            };
            if disk.write(of_run(&run), run.start).is_ok() {
                mended.written += run.end - run.start;
                continue;
            }
            // One block of it may be to blame.
            for block in each_block(&run) {
                match disk.write(of_run(&block), block.start) {
                    Ok(()) => mended.written += block.end - block.start,
                    Err(error) if block.end > old_len || is_full(&error) => return Err(error),
                    Err(error) => drop(mended.refused.get_or_insert_with(|| error.to_string())),
                }
            }
        }
        Ok(())
    })?;
    Ok(wanted.then_some(mended))
}

/// What is not right within these blocks, as leaves, with why it cannot be
/// read; `None`: `progress` wanted no more.
pub(super) fn wrong(
    disk: &dyn Disk,
    content: &Content,
    blocks: &[Range<u64>],
    progress: &dyn Fn(u64, u64) -> bool,
) -> Option<Vec<Region>> {
    let mut left = Vec::new();
    let make = |batch: &_| content.bytes(batch);
    let told = each_batch(blocks, make, progress, |batch, right| {
        let (runs, reason) = differing(disk, &batch, &right);
        left.extend(runs.into_iter().map(|run| Region {
            reason: reason.clone(),
            ..Region::of(leaves_of(&run, content.leaf_count))
        }));
        Ok(())
    });
    matches!(told, Ok(true)).then_some(left)
}

/// Gives `each` the blocks in batches, with what is made of them: of the next
/// batch meanwhile, on a thread of its own. Whether `progress` wanted all.
fn each_batch(
    blocks: &[Range<u64>],
    make: impl Fn(&Range<u64>) -> Vec<u8> + Send,
    progress: &dyn Fn(u64, u64) -> bool,
    mut each: impl FnMut(Range<u64>, Vec<u8>) -> io::Result<()>,
) -> io::Result<bool> {
    let total = blocks.iter().map(|run| run.end - run.start).sum();
    let mut done = 0;
    // Two of them are there at the most, and one is in the making.
    let (sender, batches) = bounded(1);
    thread::scope(|scope| {
        let maker = move || {
            for batch in batches_of(blocks) {
                let made = make(&batch);
                if sender.send((batch, made)).is_err() {
                    // No more are wanted.
                    return;
                }
            }
        };
        thread::Builder::new().name("make".to_owned()).spawn_scoped(scope, maker)?;
        for (batch, made) in batches {
            done += batch.end - batch.start;
            each(batch, made)?;
            if !progress(done, total) {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// Blocks in batches, in order.
fn batches_of(blocks: &[Range<u64>]) -> impl Iterator<Item = Range<u64>> {
    blocks.iter().flat_map(|run| {
        let end = run.end;
        (run.start..end).step_by(BATCH as usize).map(move |start| start..end.min(start + BATCH))
    })
}

/// The runs of blocks in which the file is not what it has to be, and why some
/// of it cannot be read.
fn differing(
    disk: &dyn Disk,
    batch: &Range<u64>,
    right: &[u8],
) -> (Vec<Range<u64>>, Option<String>) {
    let mut found = vec![0; right.len()];
    if matches!(disk.read(&mut found, batch.start), Ok(got) if got == right.len()) && found == right
    {
        return (Vec::new(), None);
    }
    let mut runs: Vec<Range<u64>> = Vec::new();
    let mut reason = None;
    for block in each_block(batch) {
        let at = (block.start - batch.start) as usize..(block.end - batch.start) as usize;
        let found = &mut found[at.clone()];
        let is_right = match disk.read(found, block.start) {
            Ok(got) => got == found.len() && *found == right[at],
            Err(error) => {
                reason.get_or_insert_with(|| error.to_string());
                false
            }
        };
        match runs.last_mut() {
            _ if is_right => {}
            Some(last) if last.end == block.start => last.end = block.end,
            _ => runs.push(block),
        }
    }
    (runs, reason)
}

fn each_block(run: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let end = run.end;
    let step = BLOCK as usize;
    (run.start..end).step_by(step).map(move |start| start..end.min(start + BLOCK))
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Longer than anything here takes on the slowest machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn the_next_batch_is_made_while_one_is_written() {
        let blocks = [0..BATCH + BLOCK, 5 * BATCH..5 * BATCH + 1];
        let (makes, made) = bounded(3);
        let make = |batch: &Range<u64>| {
            makes.send(batch.clone()).unwrap();
            vec![(batch.start / BATCH) as u8]
        };
        let mut written = Vec::new();
        let wanted = each_batch(&blocks, make, &|_, _| true, |batch, bytes| {
            if written.is_empty() {
                let both = [made.recv_timeout(PATIENCE), made.recv_timeout(PATIENCE)];
                assert_eq!(both, [Ok(0..BATCH), Ok(BATCH..BATCH + BLOCK)]);
            }
            written.push((batch, bytes));
            Ok(())
        });
        assert!(wanted.unwrap());
        let batches = [0..BATCH, BATCH..BATCH + BLOCK, 5 * BATCH..5 * BATCH + 1];
        assert!(written.into_iter().eq(batches.into_iter().zip([vec![0], vec![1], vec![5]])));
    }

    #[test]
    fn nothing_more_is_made_once_nothing_more_is_wanted() {
        let blocks = [0..100 * BATCH, 200 * BATCH..201 * BATCH];
        let mut given = 0;
        let wanted = each_batch(
            &blocks,
            |_| Vec::new(),
            &|_, _| false,
            |_, _| {
                given += 1;
                Ok(())
            },
        );
        assert_eq!((wanted.unwrap(), given), (false, 1));
        let failed = each_batch(
            &blocks,
            |_| Vec::new(),
            &|_, _| true,
            |_, _| Err(io::ErrorKind::StorageFull.into()),
        );
        assert!(is_full(&failed.unwrap_err()));
    }
}
