//! Plot header and leaves (`plot-format.md` sections 1 to 5).

mod error;

use std::ops::Range;

pub use error::{LeafRangeError, PlotHeaderError};

use crate::{Leaf, MAX_NUMBER, NodeHash, PlotHeaderHash, PlotKey, PlotSeed, hash::sha256, merkle};

/// Plots under this size are refused by the reference's plotter; ours only notes it.
pub const REFERENCE_MIN_BYTES: u64 = 100 << 20;

/// `H(key, seed, LE64(index))`.
pub fn leaf(key: &PlotKey, seed: &PlotSeed, index: u64) -> Leaf {
    sha256(&[key.as_ref(), seed.as_ref(), &index.to_le_bytes()]).into()
}

/// Byte offset of a leaf in its file; `None` beyond what a file can hold.
pub fn leaf_offset(index: u64) -> Option<u64> {
    let offset = index.checked_mul(Leaf::SIZE as u64)?.checked_add(PlotHeader::SIZE as u64)?;
    (offset <= MAX_NUMBER - Leaf::SIZE as u64).then_some(offset)
}

/// How a plot file begins.
const MAGIC: &[u8; 4] = b"SPTP";
/// The only version of the format.
const VERSION: u8 = 1;
/// Bytes per leaf of a usable plot.
const LEAF_SIZE: u32 = Leaf::SIZE as u32;
/// Where the checksum over the bytes before it lies.
const CHECKSUM_OFFSET: usize = PlotHeader::SIZE - 32;

/// The header of a plot file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotHeader {
    /// The plot's seed, its id in proofs.
    pub seed: PlotSeed,
    /// At least 1.
    pub leaf_count: u64,
    /// Bytes per leaf: 32 in every usable plot.
    pub leaf_size: u32,
    /// As stored; not checked against the leaf count.
    pub tree_height: i64,
    /// Merkle root of the leaves.
    pub root: NodeHash,
}

impl PlotHeader {
    /// Bytes of the header.
    pub const SIZE: usize = 121;

    /// The header of a plot with 32-byte leaves.
    pub fn new(seed: PlotSeed, leaf_count: u64, root: NodeHash) -> Self {
        Self {
            seed,
            leaf_count,
            leaf_size: LEAF_SIZE,
            tree_height: merkle::height(leaf_count).into(),
            root,
        }
    }

    /// The 121 bytes, checksum included. A leaf count or size outside of what its field allows
    /// is refused when the bytes are read.
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let mut rest = &mut bytes[..];
        put(&mut rest, MAGIC);
        put(&mut rest, &[VERSION]);
        put(&mut rest, self.seed.as_ref());
        put(&mut rest, &self.leaf_count.to_le_bytes());
        put(&mut rest, &self.leaf_size.to_le_bytes());
        put(&mut rest, &self.tree_height.to_le_bytes());
        put(&mut rest, self.root.as_ref());
        let checksum = sha256(&[&bytes[..CHECKSUM_OFFSET]]);
        bytes[CHECKSUM_OFFSET..].copy_from_slice(&checksum);
        bytes
    }

    /// Reads the first 121 bytes.
    ///
    /// # Errors
    /// The first that fails of the checks 2 to 7 of section 5.
    pub fn decode(bytes: &[u8]) -> Result<Self, PlotHeaderError> {
        let bytes = bytes
            .first_chunk::<{ Self::SIZE }>()
            .ok_or(PlotHeaderError::HeaderTooShort { actual: bytes.len() })?;
        if field::<4>(bytes, 0) != *MAGIC {
            return Err(PlotHeaderError::BadMagic);
        }
        let [found] = field(bytes, 4);
        if found != VERSION {
            return Err(PlotHeaderError::UnsupportedVersion { found });
        }
        let header = Self {
            seed: field(bytes, 5).into(),
            leaf_count: leaf_count(i64::from_le_bytes(field(bytes, 37)))?,
            leaf_size: leaf_size(i32::from_le_bytes(field(bytes, 45)))?,
            tree_height: i64::from_le_bytes(field(bytes, 49)),
            root: field(bytes, 57).into(),
        };
        // An unset checksum, all zero, cannot be right either: nobody knows bytes that hash to it.
        if field(bytes, CHECKSUM_OFFSET) != sha256(&[&bytes[..CHECKSUM_OFFSET]]) {
            return Err(PlotHeaderError::ChecksumMismatch);
        }
        Ok(header)
    }

    /// Bytes that the whole file has at least; `None` if no file can be that long.
    pub fn file_len(&self) -> Option<u64> {
        let leaves = self.leaf_count.checked_mul(self.leaf_size.into())?;
        leaves.checked_add(Self::SIZE as u64).filter(|len| *len <= MAX_NUMBER)
    }

    /// Reads the header of a file of `len` bytes from its first bytes.
    ///
    /// # Errors
    /// The first that fails of the checks 2 to 8 of section 5, or else our own: leaves of other
    /// than 32 bytes can never be proven.
    pub fn check_file(first: &[u8], len: u64) -> Result<Self, PlotHeaderError> {
        let header = Self::decode(first)?;
        let expected = header.file_len();
        if expected.is_none_or(|expected| len < expected) {
            return Err(PlotHeaderError::Truncated { expected, actual: len });
        }
        if header.leaf_size != LEAF_SIZE {
            return Err(PlotHeaderError::BadLeafSize { found: header.leaf_size.into() });
        }
        Ok(header)
    }

    /// Where the `count` leaves from `start` on lie in the file, in bytes.
    ///
    /// # Errors
    /// The first that fails of: the first leaf exists, `count` is not 0, the last leaf exists.
    pub fn leaf_bytes(&self, start: u64, count: u64) -> Result<Range<u64>, LeafRangeError> {
        let leaf_count = self.leaf_count;
        if start >= leaf_count {
            return Err(LeafRangeError::Start { start, leaf_count });
        }
        if count == 0 || count > leaf_count - start {
            return Err(LeafRangeError::Count { start, count, leaf_count });
        }
        let offset = |index: u64| {
            let leaves = index.checked_mul(self.leaf_size.into())?;
            leaves.checked_add(Self::SIZE as u64)
        };
        let bytes = offset(start).zip(offset(start + count)).map(|(start, end)| start..end);
        bytes.ok_or(LeafRangeError::Count { start, count, leaf_count })
    }

    /// What block proofs carry: SHA-256 of the 121 bytes.
    pub fn hash(&self) -> PlotHeaderHash {
        sha256(&[&self.encode()]).into()
    }
}

fn put(rest: &mut &mut [u8], bytes: &[u8]) {
    let (front, back) = std::mem::take(rest).split_at_mut(bytes.len());
    front.copy_from_slice(bytes);
    *rest = back;
}

/// The `N` bytes at `offset`.
fn field<const N: usize>(bytes: &[u8; PlotHeader::SIZE], offset: usize) -> [u8; N] {
    std::array::from_fn(|at| bytes[offset + at])
}

fn leaf_count(found: i64) -> Result<u64, PlotHeaderError> {
    u64::try_from(found)
        .ok()
        .filter(|count| *count > 0)
        .ok_or(PlotHeaderError::BadLeafCount { found })
}

fn leaf_size(found: i32) -> Result<u32, PlotHeaderError> {
    u32::try_from(found)
        .ok()
        .filter(|size| *size > 0)
        .ok_or(PlotHeaderError::BadLeafSize { found: found.into() })
}
