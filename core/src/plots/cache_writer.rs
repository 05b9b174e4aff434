//! Writes a Merkle cache file while its plot's tree is hashed: the nodes of
//! each level are gathered, and written where they belong.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    sync::Arc,
};

use spacetime_protocol::cache::CacheLayout;

use super::{
    positioned::write_all_at,
    tree::{NODE_BYTES, SUBTREE_LEVEL},
};

/// Bytes of a level that are gathered before they are written.
const GATHER: usize = 64 << 10;

/// A cache file in the making.
#[derive(Debug)]
pub(super) struct CacheWriter {
    file: Arc<File>,
    layout: CacheLayout,
    levels: Vec<Level>,
    /// What went wrong since it was last asked.
    failed: Option<io::Error>,
}

#[derive(Debug, Default)]
struct Level {
    /// Index of the first gathered node.
    first: u64,
    nodes: Vec<u8>,
}

impl CacheWriter {
    /// Opens the file, and makes it anew unless it is `resumed`; a resumed one
    /// that is absent or of another length is `None`.
    pub(super) fn open(
        path: &Path,
        layout: CacheLayout,
        resumed: bool,
    ) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(!resumed).truncate(!resumed);
        let file = match options.open(path) {
            Err(error) if resumed && error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let len = layout.file_len();
        if resumed && file.metadata()?.len() != len {
            return Ok(None);
        }
        file.set_len(len)?;
        let levels = layout.levels().map(|_| Level::default()).collect();
        let writer = Self { file: Arc::new(file), layout, levels, failed: None };
        writer.write_frame()?;
        Ok(Some(writer))
    }

    /// The lowest level that it wants nodes of, where that is under the roots
    /// of subtrees.
    pub(super) fn keep(&self) -> u32 {
        (*self.layout.levels().start()).min(SUBTREE_LEVEL)
    }

    pub(super) fn file(&self) -> Arc<File> {
        self.file.clone()
    }

    /// Takes consecutive nodes of a level; those that it does not hold are
    /// passed over. What goes wrong, [`check`](Self::check) tells.
    pub(super) fn add(&mut self, level: u32, index: u64, nodes: &[u8]) {
        let levels = self.layout.levels();
        if !levels.contains(&level) {
            return;
        }
        let gathered = &mut self.levels[(level - levels.start()) as usize];
        if gathered.nodes.is_empty() {
            gathered.first = index;
        }
        gathered.nodes.extend_from_slice(nodes);
        if gathered.nodes.len() >= GATHER
            && let Err(error) = write_level(&self.file, &self.layout, level, gathered)
        {
            self.failed.get_or_insert(error);
        }
    }

    /// Whether all nodes were taken.
    pub(super) fn check(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Writes what has been gathered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        for (level, gathered) in self.layout.levels().zip(&mut self.levels) {
            write_level(&self.file, &self.layout, level, gathered)?;
        }
        Ok(())
    }

    /// Bytes that its nodes of the first `leaves` leaves take.
    pub(super) fn bytes_under(layout: &CacheLayout, leaves: u64) -> u64 {
        layout.levels().map(|level| (leaves >> level) * NODE_BYTES as u64).sum()
    }

    fn write_frame(&self) -> io::Result<()> {
        write_all_at(&self.file, &self.layout.header(), 0)?;
        for level in self.layout.levels() {
            let (offset, header) = self.layout.level_header(level);
            write_all_at(&self.file, &header, offset)?;
        }
        Ok(())
    }
}

fn write_level(
    file: &File,
    layout: &CacheLayout,
    level: u32,
    gathered: &mut Level,
) -> io::Result<()> {
    if !gathered.nodes.is_empty() {
        write_all_at(file, &gathered.nodes, layout.node_offset(level, gathered.first))?;
        gathered.nodes.clear();
    }
    Ok(())
}
