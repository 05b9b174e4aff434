//! Why a file is not a plot, and which leaves a plot does not have.

use thiserror::Error;

/// Leaves that a plot does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LeafRangeError {
    /// The first leaf is not in the plot.
    #[error("there is no leaf {start}: the plot has the leaves below {leaf_count}")]
    Start {
        /// Index of the first leaf asked for.
        start: u64,
        /// Leaves of the plot.
        leaf_count: u64,
    },
    /// There are not so many leaves from there on, or none is asked for.
    #[error("{count} leaves from leaf {start} on is not from 1 to {}", leaf_count - start)]
    Count {
        /// Index of the first leaf asked for.
        start: u64,
        /// Leaves asked for.
        count: u64,
        /// Leaves of the plot.
        leaf_count: u64,
    },
}

/// Why a file is not a plot, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlotHeaderError {
    /// Fewer than 121 bytes.
    #[error("it has {actual} bytes, a plot header takes 121")]
    HeaderTooShort {
        /// Bytes there are.
        actual: usize,
    },
    /// It does not begin with `SPTP`.
    #[error("it does not begin with the magic bytes `SPTP`")]
    BadMagic,
    /// A version other than 1.
    #[error("it has plot format version {found}; this miner reads version 1")]
    UnsupportedVersion {
        /// The version found.
        found: u8,
    },
    /// A leaf count that is not positive.
    #[error("its leaf count {found} is not positive")]
    BadLeafCount {
        /// The count found.
        found: i64,
    },
    /// A leaf size that is not positive, or (after all other checks) not 32.
    #[error("its leaf size is {found} bytes, not 32")]
    BadLeafSize {
        /// The size found.
        found: i64,
    },
    /// The checksum is absent or wrong.
    #[error("its header does not match its checksum")]
    ChecksumMismatch,
    /// The file is shorter than its header says.
    #[error("it has {actual} bytes, its header promises {}", expected.map_or("more than any file".to_owned(), |len| len.to_string()))]
    Truncated {
        /// Bytes that the header promises; `None` if that overflows.
        expected: Option<u64>,
        /// Bytes there are.
        actual: u64,
    },
}
