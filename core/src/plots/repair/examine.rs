//! The first pass of a repair: makes every leaf, hashes the tree over what was
//! made, and compares the file with it. Writes nothing to the plot.

use std::{io, path::Path};

use spacetime_protocol::{
    Leaf, NodeHash, PlotSeed,
    plot::{PlotHeader, leaf_offset},
};

use super::{
    super::{
        cache_check::CacheCheck,
        cache_writer::CacheWriter,
        made::Made,
        regions::{Region, Regions, add_unreadable},
        source::{LeafSource, ReadError},
        stream::{BATCH_LEAVES, Piece, stream_past},
        tree::{Assembler, SUBTREE_LEAVES, SUBTREE_LEVEL, Subtree, subtree_top},
    },
    disk::Disk,
};

/// What a plot has to be compared with, and how.
pub(super) struct Examination<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) path: &'a Path,
    pub(super) made: Made,
    pub(super) leaf_count: u64,
    /// Bytes of the file.
    pub(super) len: u64,
    /// Sees the leaves done; whether to go on.
    pub(super) progress: &'a dyn Fn(u64, u64) -> bool,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Findings {
    /// Of the leaves that were made.
    pub(super) root: NodeHash,
    /// Where the file has other leaves, or none; from some number of them on,
    /// what lies between two is counted in.
    pub(super) damaged: Regions,
    /// Where it cannot be read.
    pub(super) unreadable: Vec<Region>,
    /// Leaves that are other ones, cannot be read or are not there.
    pub(super) damaged_leaves: u64,
}

impl Findings {
    fn none() -> Self {
        Self {
            root: NodeHash::ZERO,
            damaged: Regions::default(),
            unreadable: Vec::new(),
            damaged_leaves: 0,
        }
    }

    /// Runs of damaged leaves, with why some cannot be read.
    pub(super) fn regions(&self) -> Vec<Region> {
        let whole = self.damaged.0.iter().cloned().map(Region::of);
        let mut regions: Vec<Region> =
            whole.flat_map(|region| region.without(&self.unreadable)).collect();
        regions.extend(self.unreadable.iter().cloned());
        regions.sort_by_key(|region| region.first_leaf);
        regions
    }
}

impl Examination<'_> {
    /// Goes through the plot; `None`: it was stopped.
    pub(super) fn run(
        &self,
        check: &mut CacheCheck<'_>,
        writer: Option<&mut CacheWriter>,
    ) -> Option<Findings> {
        let keep = writer.as_ref().map_or(SUBTREE_LEVEL, |writer| writer.keep());
        let mut pass = Pass {
            examination: self,
            keep: keep.min(check.keep()),
            assembler: Assembler::new(subtree_top(self.leaf_count), 0),
            check,
            writer,
            buffer: Vec::new(),
            findings: Findings::none(),
        };
        let there = self.whole_subtrees_there();
        let mut wanted = true;
        if there > 0 {
            let (disk, path, seed) = (self.disk, self.path, self.made.seed);
            let source = There { disk, path, seed, leaf_count: there };
            stream_past(&source, |piece| {
                wanted = pass.take(piece);
                wanted
            });
        }
        let mut first = there;
        while wanted && first < self.leaf_count {
            let count = BATCH_LEAVES.min(self.leaf_count - first);
            wanted = pass.take_tail(first, count);
            first += count;
        }
        if !wanted {
            return None;
        }
        let Pass { assembler, check, mut writer, mut findings, .. } = pass;
        findings.root = assembler.finish(&mut |level, index, nodes: &[u8]| {
            tell(check, &mut writer, level, index, nodes);
        })?;
        Some(findings)
    }

    /// Leaves of the file up to the last subtree of which all are there.
    fn whole_subtrees_there(&self) -> u64 {
        let there = self.len.saturating_sub(PlotHeader::SIZE as u64) / Leaf::SIZE as u64;
        match there < self.leaf_count {
            true => there / SUBTREE_LEAVES * SUBTREE_LEAVES,
            false => self.leaf_count,
        }
    }
}

struct Pass<'a, 'b> {
    examination: &'a Examination<'a>,
    keep: u32,
    assembler: Assembler,
    check: &'a mut CacheCheck<'b>,
    writer: Option<&'a mut CacheWriter>,
    /// Leaves that were made.
    buffer: Vec<u8>,
    findings: Findings,
}

impl Pass<'_, '_> {
    /// Leaves that the file has.
    fn take(&mut self, piece: Piece<'_>) -> bool {
        let Piece { first, count, read } = piece;
        self.make(first, count);
        match read {
            Ok(leaves) => self.compare(first, leaves),
            Err(error) => {
                add_unreadable(&mut self.findings.unreadable, first..first + count, error);
                self.damage(first, count);
            }
        }
        (self.examination.progress)(first + count, self.examination.leaf_count)
    }

    /// Leaves that the file has not, or not all of.
    fn take_tail(&mut self, first: u64, count: u64) -> bool {
        self.make(first, count);
        let mut found = vec![0; self.buffer.len()];
        let there = match read_leaves(self.examination.disk, first, &mut found) {
            Ok(bytes) => bytes / Leaf::SIZE,
            Err(_) => 0,
        };
        self.compare(first, &found[..there * Leaf::SIZE]);
        self.damage(first + there as u64, count - there as u64);
        (self.examination.progress)(first + count, self.examination.leaf_count)
    }

    fn make(&mut self, first: u64, count: u64) {
        self.buffer.resize(count as usize * Leaf::SIZE, 0);
        let (made, leaf_count) = (self.examination.made, self.examination.leaf_count);
        let subtrees: Vec<Subtree> = made.subtrees(leaf_count, first, &mut self.buffer, self.keep);
        for subtree in &subtrees {
            self.assembler.add(subtree, &mut |level, index, nodes: &[u8]| {
                tell(self.check, &mut self.writer, level, index, nodes);
            });
        }
    }

    fn compare(&mut self, first: u64, found: &[u8]) {
        let made = &self.buffer[..found.len()];
        self.findings.damaged_leaves += self.findings.damaged.add_differing(first, found, made);
    }

    fn damage(&mut self, first: u64, count: u64) {
        if count > 0 {
            self.findings.damaged.add(first, count);
            self.findings.damaged_leaves += count;
        }
    }
}

fn tell(
    check: &mut CacheCheck<'_>,
    writer: &mut Option<&mut CacheWriter>,
    level: u32,
    index: u64,
    nodes: &[u8],
) {
    check.compare(level, index, nodes);
    if let Some(writer) = writer {
        writer.add(level, index, nodes);
    }
}

fn read_leaves(disk: &dyn Disk, first: u64, out: &mut [u8]) -> io::Result<usize> {
    // The leaf count was checked: every leaf has an offset.
    let offset = leaf_offset(first).ok_or(io::ErrorKind::InvalidInput)?;
    disk.read(out, offset)
}

/// The leaves that a file has, to whoever streams them.
struct There<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    seed: PlotSeed,
    leaf_count: u64,
}

impl LeafSource for There<'_> {
    fn leaf_count(&self) -> u64 {
        self.leaf_count
    }

    fn id(&self) -> PlotSeed {
        self.seed
    }

    fn drive(&self) -> u64 {
        0
    }

    fn path(&self) -> &Path {
        self.path
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        match read_leaves(self.disk, first, out) {
            Ok(got) if got == out.len() => Ok(()),
            Ok(_) => Err(ReadError("the file became shorter".to_owned())),
            Err(error) => Err(ReadError(error.to_string())),
        }
    }
}

/// How many of some leaves of a file were made with a key and a seed, and how
/// many were looked at: in a damaged plot some are wrong, in a stranger's all.
pub(super) fn sample(examination: &Examination<'_>) -> (usize, usize) {
    const LOOKED_AT: u64 = 64;
    let there = examination.len.saturating_sub(PlotHeader::SIZE as u64) / Leaf::SIZE as u64;
    let count = there.min(examination.leaf_count);
    let step = count.div_ceil(LOOKED_AT).max(1);
    let (mut own, mut looked_at) = (0, 0);
    let mut index = 0;
    while index < count {
        let (mut found, mut made) = ([0; Leaf::SIZE], [0; Leaf::SIZE]);
        looked_at += 1;
        examination.made.leaves(index, &mut made);
        let read = read_leaves(examination.disk, index, &mut found);
        own += usize::from(read.is_ok_and(|got| got == Leaf::SIZE) && found == made);
        index += step;
    }
    (own, looked_at)
}
