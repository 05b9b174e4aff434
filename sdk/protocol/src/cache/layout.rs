//! Where everything lies in a cache file as we write it.

use std::ops::RangeInclusive;

use super::{HASH_NAME, MAGIC, VERSION, levels};
use crate::{NodeHash, merkle, plot};

const HEADER_SIZE: usize = 36;
const LEVEL_HEADER_SIZE: usize = 12;

/// Where everything lies in a cache file as we write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheLayout {
    leaf_count: u64,
    levels: RangeInclusive<u32>,
}

impl CacheLayout {
    /// The layout of the cache of the `top_levels` levels below the root; `None`: no file is
    /// written, or no plot file can have so many leaves.
    pub fn new(leaf_count: u64, top_levels: u32) -> Option<Self> {
        plot::leaf_offset(leaf_count)?;
        levels(leaf_count, top_levels).map(|levels| Self { leaf_count, levels })
    }

    /// The levels held.
    pub fn levels(&self) -> RangeInclusive<u32> {
        self.levels.clone()
    }

    /// Nodes of a level.
    pub fn level_len(&self, level: u32) -> u64 {
        merkle::level_len(self.leaf_count, level)
    }

    /// Bytes of the file.
    pub fn file_len(&self) -> u64 {
        self.record_offset(self.levels.end() + 1)
    }

    /// The 36 bytes of the file's header.
    pub fn header(&self) -> [u8; HEADER_SIZE] {
        let name_len = HASH_NAME.len() as u32;
        let numbers = [
            NodeHash::SIZE as u32,
            *self.levels.start(),
            *self.levels.end(),
            self.levels.end() - self.levels.start() + 1,
        ];
        let mut bytes = [0; HEADER_SIZE];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4] = VERSION;
        bytes[5..9].copy_from_slice(&merkle::height(self.leaf_count).to_le_bytes());
        bytes[9..13].copy_from_slice(&name_len.to_le_bytes());
        bytes[13..20].copy_from_slice(HASH_NAME.as_bytes());
        bytes[20..].copy_from_slice(numbers.map(u32::to_le_bytes).as_flattened());
        bytes
    }

    /// Where the record of one of the levels held begins, and the 12 bytes before its nodes.
    pub fn level_header(&self, level: u32) -> (u64, [u8; LEVEL_HEADER_SIZE]) {
        let mut bytes = [0; LEVEL_HEADER_SIZE];
        bytes[..4].copy_from_slice(&level.to_le_bytes());
        bytes[4..].copy_from_slice(&self.level_len(level).to_le_bytes());
        (self.record_offset(level), bytes)
    }

    /// Offset of a node of one of the levels held.
    pub fn node_offset(&self, level: u32, index: u64) -> u64 {
        self.record_offset(level) + LEVEL_HEADER_SIZE as u64 + index * NodeHash::SIZE as u64
    }

    /// Where the record of a level begins, or would. No overflow: the nodes of the levels from 1
    /// up take no more room than the leaves, and [`Self::new`] has seen that those fit a file.
    fn record_offset(&self, level: u32) -> u64 {
        let before = *self.levels.start()..level;
        let record =
            |level| LEVEL_HEADER_SIZE as u64 + self.level_len(level) * NodeHash::SIZE as u64;
        HEADER_SIZE as u64 + before.map(record).sum::<u64>()
    }
}
