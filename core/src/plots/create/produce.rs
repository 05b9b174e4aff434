//! Makes the leaves of a plot and hashes its tree on all cores, while one
//! thread writes what is done, in order, and another one sees to it that it is
//! on disk before a checkpoint says so.

use std::{fs::File, io, path::Path, sync::Arc, thread};

use crossbeam_channel::{Receiver, Sender, bounded};
use spacetime_protocol::{Leaf, NodeHash, plot::leaf_offset};

use super::{
    super::{
        cache_writer::CacheWriter,
        made::Made,
        room,
        tree::{Assembler, SUBTREE_BYTES, SUBTREE_LEAVES, SUBTREE_LEVEL, Subtree},
    },
    CreateError, Event, Spec, Watch,
    checkpoint::Checkpoint,
    names::Names,
    partial::Partial,
    write::{Buffer, LeafFile},
};
use crate::durable;

/// Buffers: one being made, one waiting, one being written.
const BUFFERS: usize = 3;
/// Checkpoints per plot: what a killed run loses is about this part of it.
const CHECKPOINTS: u64 = 100;
/// Checkpoints that may wait for what is before them to be on disk: nothing else
/// waits for that, and what a killed run loses stays a few per cent.
const WAITING: usize = 1;
/// Subtrees after which there is a checkpoint in any case: 1 GiB of leaves.
const MOST_SUBTREES: u64 = (1 << 30) / SUBTREE_BYTES as u64;

/// What goes to the writing thread.
enum Work {
    Leaves { first: u64, buffer: Buffer },
    Checkpoint(Checkpoint),
}

/// Why the work ended early.
enum Fault {
    Io {
        action: &'static str,
        error: io::Error,
    },
    /// Whoever asked for the plot does not want it any more.
    Stopped,
    /// The writing thread ended; it knows why.
    WriterGone,
}

/// Makes the leaves that are missing and returns the root. Leaves and cache
/// are on disk then, and a checkpoint that says so.
pub(super) fn leaves(
    partial: &mut Partial,
    assembler: Assembler,
    spec: &Spec,
    cache_levels: u32,
    watch: &dyn Watch,
) -> Result<NodeHash, CreateError> {
    let (full, work) = bounded(1);
    let (free, spare) = bounded(BUFFERS);
    let checkpoint = Checkpoint {
        key: spec.key,
        seed: partial.seed,
        leaf_count: spec.leaf_count,
        cache_levels,
        done: partial.done,
        nodes: Vec::new(),
    };
    let writer = Writer {
        checkpoint: &partial.names.checkpoint,
        file: partial.file.clone(),
        cache: partial.cache.as_ref().map(CacheWriter::file),
    };
    let leaves = LeafFile::new(partial.file.clone(), &partial.names.partial, spec.leaf_count);
    let outcome = thread::scope(|scope| {
        let writing = scope.spawn(move || writer.run(leaves, &work, &free));
        let plotter = Plotter {
            spec,
            watch,
            full,
            spare,
            made: 0,
            checkpoint,
            cache: partial.cache.as_mut(),
        };
        let made = plotter.run(assembler);
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // If writing failed, the plotter stopped because of that.
        written.and(made)
    });
    outcome.map_err(|fault| explain(fault, &partial.names, &partial.file, spec))
}

struct Plotter<'a> {
    spec: &'a Spec,
    watch: &'a dyn Watch,
    full: Sender<Work>,
    spare: Receiver<Buffer>,
    /// Buffers that there are.
    made: usize,
    /// As of the last leaf made.
    checkpoint: Checkpoint,
    cache: Option<&'a mut CacheWriter>,
}

impl Plotter<'_> {
    fn run(mut self, mut assembler: Assembler) -> Result<NodeHash, Fault> {
        let total = self.spec.leaf_count;
        let interval = self.interval();
        let batch = self.batch(interval).min(total);
        let mut synced = self.checkpoint.done;
        self.watch.event(Event::Progress { done: synced, total });
        while self.checkpoint.done < total {
            let leaves = (total - self.checkpoint.done).min(batch);
            let buffer = self.buffer(batch)?;
            self.make(leaves, buffer, &mut assembler)?;
            let done = self.checkpoint.done;
            self.watch.event(Event::Progress { done, total });
            if done == total {
                break;
            }
            let stop = self.watch.is_stopped();
            if stop || done - synced >= interval {
                self.save(assembler.pending())?;
                synced = done;
            }
            if stop {
                return Err(Fault::Stopped);
            }
        }
        let root = self.finish(assembler)?;
        self.save(vec![root])?;
        if self.watch.is_stopped() { Err(Fault::Stopped) } else { Ok(root) }
    }

    /// Makes, hashes and hands over the next leaves.
    fn make(
        &mut self,
        leaves: u64,
        mut buffer: Buffer,
        assembler: &mut Assembler,
    ) -> Result<(), Fault> {
        let first = self.checkpoint.done;
        // The leaf count was checked: every leaf has an offset.
        let offset = leaf_offset(first).ok_or(Fault::WriterGone)?;
        let out = buffer.place(offset, leaves as usize * Leaf::SIZE);
        let subtrees = self.generate(first, out);
        self.send(Work::Leaves { first, buffer })?;
        for subtree in &subtrees {
            assembler.add(subtree, &mut |level, index, nodes: &[u8]| {
                self.cache.iter_mut().for_each(|cache| cache.add(level, index, nodes));
            });
        }
        if let Some(cache) = &mut self.cache {
            cache.check().map_err(Fault::cache)?;
        }
        self.checkpoint.done += leaves;
        Ok(())
    }

    /// One that is free, for batches of so many leaves.
    fn buffer(&mut self, batch: u64) -> Result<Buffer, Fault> {
        if let Ok(buffer) = self.spare.try_recv() {
            return Ok(buffer);
        }
        if self.made < BUFFERS {
            self.made += 1;
            let memory = |error| Fault::Io { action: "get memory for", error };
            return Buffer::new(batch as usize * Leaf::SIZE).map_err(memory);
        }
        self.spare.recv().map_err(|_| Fault::WriterGone)
    }

    fn generate(&self, first: u64, bytes: &mut [u8]) -> Vec<Subtree> {
        let keep = self.cache.as_ref().map_or(SUBTREE_LEVEL, |cache| cache.keep());
        let made = Made { key: self.spec.key, seed: self.checkpoint.seed };
        made.subtrees(self.spec.leaf_count, first, bytes, keep)
    }

    fn finish(&mut self, assembler: Assembler) -> Result<NodeHash, Fault> {
        let root = assembler.finish(&mut |level, index, nodes: &[u8]| {
            self.cache.iter_mut().for_each(|cache| cache.add(level, index, nodes));
        });
        // There is at least one leaf.
        root.ok_or(Fault::WriterGone)
    }

    /// Has everything so far synced, and then written down that it is.
    fn save(&mut self, nodes: Vec<NodeHash>) -> Result<(), Fault> {
        if let Some(cache) = &mut self.cache {
            cache.flush().map_err(Fault::cache)?;
        }
        self.send(Work::Checkpoint(Checkpoint { nodes, ..self.checkpoint.clone() }))
    }

    fn send(&self, work: Work) -> Result<(), Fault> {
        self.full.send(work).map_err(|_| Fault::WriterGone)
    }

    /// Leaves between checkpoints.
    fn interval(&self) -> u64 {
        let subtrees = self.spec.leaf_count.div_ceil(SUBTREE_LEAVES);
        (subtrees / CHECKPOINTS).clamp(1, MOST_SUBTREES) * SUBTREE_LEAVES
    }

    /// Leaves of a batch.
    fn batch(&self, interval: u64) -> u64 {
        let fit = (self.spec.memory / BUFFERS / SUBTREE_BYTES).max(1) as u64;
        (fit * SUBTREE_LEAVES).min(interval)
    }
}

impl Fault {
    fn cache(error: io::Error) -> Self {
        Self::Io { action: "write the cache of", error }
    }
}

/// The writing thread.
struct Writer<'a> {
    checkpoint: &'a Path,
    file: Arc<File>,
    cache: Option<Arc<File>>,
}

impl Writer<'_> {
    fn run(
        &self,
        mut leaves: LeafFile,
        work: &Receiver<Work>,
        free: &Sender<Buffer>,
    ) -> Result<(), Fault> {
        let (written, checkpoints) = bounded(WAITING);
        thread::scope(|scope| {
            // Ends with it, so that nobody waits for room in it then.
            let saving = scope.spawn(move || self.save_all(&checkpoints));
            let wrote = write(&mut leaves, work, free, &written);
            drop(written);
            let saved = saving.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // If saving failed, the writing stopped because of that.
            saved.and(wrote)
        })
    }

    /// Saves checkpoints as they come, of those that wait the last only.
    fn save_all(&self, checkpoints: &Receiver<Checkpoint>) -> Result<(), Fault> {
        for checkpoint in checkpoints {
            let last = checkpoints.try_iter().last().unwrap_or(checkpoint);
            self.save(&last).map_err(|error| Fault::Io { action: "sync", error })?;
        }
        Ok(())
    }

    /// The checkpoint promises what is on disk: so that goes there first.
    fn save(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        self.file.sync_data()?;
        if let Some(cache) = &self.cache {
            cache.sync_data()?;
        }
        durable::replace(self.checkpoint, &checkpoint.encode())
    }
}

/// Writes leaves, and hands on the checkpoints whose leaves are written.
fn write(
    leaves: &mut LeafFile,
    work: &Receiver<Work>,
    free: &Sender<Buffer>,
    written: &Sender<Checkpoint>,
) -> Result<(), Fault> {
    for work in work {
        match work {
            Work::Leaves { first, mut buffer } => {
                leaves
                    .write(first, &mut buffer)
                    .map_err(|error| Fault::Io { action: "write", error })?;
                // There is room for all buffers; the plotter may be done.
                let _ = free.try_send(buffer);
            }
            Work::Checkpoint(checkpoint) => {
                written.send(checkpoint).map_err(|_| Fault::WriterGone)?;
            }
        }
    }
    Ok(())
}

/// A fault in words, with the plot that it befell.
fn explain(fault: Fault, names: &Names, file: &File, spec: &Spec) -> CreateError {
    let path = names.plot.clone();
    match fault {
        Fault::Io { error, .. } if is_full(&error) => {
            let there = file.metadata().map_or(0, |metadata| room::taken(&metadata));
            let needed = leaf_offset(spec.leaf_count).unwrap_or(u64::MAX).saturating_sub(there);
            let available = room::available(&path).unwrap_or(0);
            CreateError::NoRoom { path, needed, available, started: true }
        }
        Fault::Io { action, error } => CreateError::Io { action, path, source: error },
        Fault::Stopped => CreateError::Stopped { path },
        Fault::WriterGone => {
            CreateError::io("write", &path)(io::Error::other("the writing thread ended"))
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
