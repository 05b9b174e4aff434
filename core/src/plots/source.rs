//! Where leaves are read from: a plot file, to whoever only reads.

use std::{fmt, path::Path};

use serde::Deserialize;
use spacetime_maps::Window;
use spacetime_protocol::{PlotKey, PlotSeed};

#[cfg(doc)]
use super::BLOCK;

/// What a scan reads: a plot file, or a stand-in for one in tests.
pub trait LeafSource: Send + Sync {
    /// Number of leaves; at least 1.
    fn leaf_count(&self) -> u64;
    /// The plot's seed.
    fn id(&self) -> PlotSeed;
    /// The drive it lies on: sources of one drive share its readers.
    fn drive(&self) -> u64;
    /// Where it lies.
    fn path(&self) -> &Path;
    /// Reads whole leaves, `out.len() / 32` of them, from leaf `first` on.
    ///
    /// # Errors
    ///
    /// A read error, or the end of the file: an error of this plot only.
    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError>;
    /// As [`read`](Self::read), but only what the system has in its memory, and
    /// without waiting for a drive. `false`: not all of it is there, or nobody
    /// knows.
    fn read_in_memory(&self, first: u64, out: &mut [u8]) -> bool {
        let _ = (first, out);
        false
    }
    /// How many bytes into its [block](BLOCK) a leaf begins, where whole blocks
    /// can be read past the system's memory.
    fn place_in_block(&self, leaf: u64) -> Option<usize> {
        let _ = leaf;
        None
    }
    /// Reads `leaves` leaves from leaf `first` on past the system's memory, with
    /// the blocks that they lie in: `out` begins where the first one's block
    /// does, at a multiple of [`BLOCK`] in memory, and is whole blocks long.
    /// `false`: that cannot be done here, and never will.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    fn read_blocks(&self, first: u64, leaves: u64, out: &mut [u8]) -> Result<bool, ReadError> {
        let _ = (first, leaves, out);
        Ok(false)
    }
    /// Maps `leaves` leaves from leaf `first` on into memory. `None`: they cannot
    /// be mapped here; a read of them tells why, if they cannot be read either.
    fn map(&self, first: u64, leaves: u64) -> Option<Window> {
        let _ = (first, leaves);
        None
    }
    /// Reads leaves of a window of it into the system's memory, `leaves` of them
    /// from the window's leaf `from` on; whether they are there now.
    fn load(&self, window: &Window, from: u64, leaves: u64) -> bool {
        let _ = (window, from, leaves);
        false
    }
    /// Whether its leaves are what this key makes, as far as a sample of them
    /// tells: then they can be made instead of read. May read them.
    fn is_made_with(&self, key: &PlotKey) -> bool {
        let _ = key;
        false
    }
}

/// Where a scan takes leaves from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeafOrigin {
    /// They are read.
    #[default]
    Disk,
    /// They are made again from the key, wherever a sample shows that it is
    /// the plot's.
    Regenerate,
    /// For each drive, what was measured to be faster.
    Auto,
}

impl LeafOrigin {
    /// Their names in the manifest.
    pub const NAMES: [&str; 3] = ["disk", "regenerate", "auto"];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "disk" => Some(Self::Disk),
            "regenerate" => Some(Self::Regenerate),
            "auto" => Some(Self::Auto),
            _ => None,
        }
    }
}

/// A plot that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(pub String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}
