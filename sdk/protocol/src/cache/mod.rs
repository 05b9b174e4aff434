//! The Merkle cache file (`merkle.md` section 6): the node lists of a tree's
//! topmost levels below the root.

mod error;
mod index;
mod layout;

use std::ops::RangeInclusive;

pub use error::CacheError;
pub use index::CacheIndex;
pub use layout::CacheLayout;

use crate::merkle;

const MAGIC: &[u8; 4] = b"MKTC";
const VERSION: u8 = 1;
/// What our files call the hash.
const HASH_NAME: &str = "SHA-256";
/// The level that [`auto_top_levels`] reaches down to: proving a leaf then rehashes 4,096 leaves,
/// and the cache takes 1/2048 of the plot.
const AUTO_LOWEST_LEVEL: u32 = 12;

/// The levels that a cache of the `top_levels` levels below the root holds; `None`: no file.
pub fn levels(leaf_count: u64, top_levels: u32) -> Option<RangeInclusive<u32>> {
    let height = merkle::height(leaf_count);
    if top_levels == 0 || height < 2 {
        return None;
    }
    Some(height.saturating_sub(top_levels).max(1)..=height - 1)
}

/// `top_levels` such that the lowest level of the cache is level 12 (subtrees of 4,096 leaves);
/// 0 for a tree that is no higher.
pub fn auto_top_levels(leaf_count: u64) -> u32 {
    merkle::height(leaf_count).saturating_sub(AUTO_LOWEST_LEVEL)
}
