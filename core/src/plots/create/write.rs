//! Writes the leaves of a plot, in order: whole blocks past the system's memory
//! where that can be done. Nothing is copied then, and nothing is left to be
//! synced at the end.

use std::{fs::File, io, path::Path, sync::Arc};

use memmap2::MmapMut;
use spacetime_protocol::plot::leaf_offset;

use super::super::{
    blocks::{self, BLOCK},
    positioned::{read_exact_at, write_all_at},
};

/// Leaves on their way to the disk, with room for the blocks that they lie in.
pub(super) struct Buffer {
    memory: MmapMut,
    /// Where the leaves begin, in bytes.
    begin: usize,
    end: usize,
}

impl Buffer {
    /// Room for so many bytes of leaves.
    ///
    /// # Errors
    ///
    /// The system has no memory.
    pub(super) fn new(bytes: usize) -> io::Result<Self> {
        Ok(Self { memory: blocks::memory_of_blocks(bytes + 2 * BLOCK)?, begin: 0, end: 0 })
    }

    /// Where so many bytes of leaves are to be put, that lie at this offset of
    /// the file.
    pub(super) fn place(&mut self, offset: u64, bytes: usize) -> &mut [u8] {
        self.begin = (offset % BLOCK as u64) as usize;
        self.end = self.begin + bytes;
        &mut self.memory[self.begin..self.end]
    }

    fn leaves(&self) -> &[u8] {
        &self.memory[self.begin..self.end]
    }

    /// The blocks that the leaves lie in: what stands before them goes in front,
    /// zeros behind.
    fn blocks(&mut self, before: &[u8]) -> &[u8] {
        let end = self.end.next_multiple_of(BLOCK);
        self.memory[..self.begin].copy_from_slice(before);
        self.memory[self.end..end].fill(0);
        &self.memory[..end]
    }
}

/// A plot's file in the making.
pub(super) struct LeafFile {
    file: Arc<File>,
    /// The same, for whole blocks; `None`: there are no such writes here.
    blocks: Option<File>,
    /// What stands in the file's last block, once something was written.
    last: Option<Vec<u8>>,
    leaf_count: u64,
}

impl LeafFile {
    /// Of so many leaves, open already and lying there.
    pub(super) fn new(file: Arc<File>, path: &Path, leaf_count: u64) -> Self {
        Self { file, blocks: blocks::open_to_write(path).ok(), last: None, leaf_count }
    }

    /// Writes the next leaves, from leaf `first` on.
    pub(super) fn write(&mut self, first: u64, buffer: &mut Buffer) -> io::Result<()> {
        // The leaf count was checked: every leaf has an offset.
        let offset = leaf_offset(first).ok_or(io::ErrorKind::InvalidInput)?;
        if let Some(file) = &self.blocks {
            match write_blocks(file, &self.file, self.last.take(), offset, buffer) {
                Ok(last) => {
                    self.last = Some(last);
                    return self.cut(offset + buffer.leaves().len() as u64);
                }
                Err(error) if blocks::is_refusal(&error) => self.blocks = None,
                Err(error) => return Err(error),
            }
        }
        write_all_at(&self.file, buffer.leaves(), offset)
    }

    /// Takes what stands behind the last leaf away.
    fn cut(&self, end: u64) -> io::Result<()> {
        match leaf_offset(self.leaf_count) == Some(end) {
            true => self.file.set_len(end),
            false => Ok(()),
        }
    }
}

/// Writes leaves with the blocks that they lie in; the beginning of the block
/// that the next leaf lies in.
fn write_blocks(
    blocks: &File,
    file: &File,
    last: Option<Vec<u8>>,
    offset: u64,
    buffer: &mut Buffer,
) -> io::Result<Vec<u8>> {
    let start = offset - buffer.begin as u64;
    let before = match last {
        Some(last) => last,
        None => {
            let mut before = vec![0; buffer.begin];
            read_exact_at(file, &mut before, start)?;
            before
        }
    };
    let end = buffer.end;
    let bytes = buffer.blocks(&before);
    write_all_at(blocks, bytes, start)?;
    Ok(bytes[end / BLOCK * BLOCK..end].to_vec())
}
