//! The plot metadata JSON of `plot-format.md` section 7: one file that tells
//! of all plots, written by one process at a time.

mod read;
mod store;
mod time;
mod write;

use uuid::Uuid;

pub(super) use read::parse;
pub use store::MetadataError;
pub(super) use store::{Loaded, MetadataFile, read_only};
pub(super) use time::Timestamp;
#[cfg(test)]
pub(super) use write::render;

/// What the file tells of one plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: Uuid,
    /// As given when added; null is accepted when read.
    pub(super) path: Option<String>,
    /// Its cache; empty if it has none. Null is read as empty.
    pub(super) cache_path: String,
    /// Bytes of the file when it was last valid, or registered.
    pub(super) space: i64,
    /// The plot's root; empty if unknown. Its length is not checked.
    pub(super) root: Vec<u8>,
    pub(super) created: Timestamp,
    pub(super) status: Status,
}

/// What was last known of a plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Valid,
    Corrupted,
    Missing,
    /// A number that has no name; kept as it is.
    Other(i32),
}

impl Status {
    /// Its number in the reference.
    fn number(self) -> i32 {
        match self {
            Self::Valid => 0,
            Self::Corrupted => 1,
            Self::Missing => 2,
            Self::Other(number) => number,
        }
    }

    fn of_number(number: i32) -> Self {
        match number {
            0 => Self::Valid,
            1 => Self::Corrupted,
            2 => Self::Missing,
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests;
