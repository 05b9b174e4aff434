//! Reads the structure of a cache file: where its levels lie.

use std::{collections::BTreeMap, convert::Infallible};

use super::{CacheError, HASH_NAME, MAGIC, VERSION};
use crate::{NodeHash, merkle};

/// A longer name of the hash is refused.
const MAX_NAME_LEN: u32 = 1024;
/// Where the hash name begins.
const NAME_OFFSET: u64 = 13;

/// A cache file as read: where its levels lie. Nodes are read on demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheIndex {
    /// Height of the tree.
    pub tree_height: u32,
    /// `SHA-256` in every file of ours; invalid UTF-8 is replaced.
    pub hash_name: String,
    /// Bytes per node.
    pub hash_size: u32,
    /// Per level, ascending: (level, number of nodes, offset of the first).
    pub levels: Vec<(u32, u64, u64)>,
}

impl CacheIndex {
    /// Reads the structure of a cache file of `len` bytes through positioned reads, in the order
    /// of the checks of section 6.3. `read(offset, buffer)` fills the buffer.
    ///
    /// # Errors
    /// The first check that failed, or the read error.
    pub fn read<E>(
        len: u64,
        read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<Result<Self, CacheError>, E> {
        let mut source = Source { len, position: 0, field: 0, read };
        match read_index(&mut source) {
            Ok(index) => Ok(Ok(index)),
            Err(Failure::Check(error)) => Ok(Err(error)),
            Err(Failure::Read(error)) => Err(error),
        }
    }

    /// The same over bytes in memory.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn parse(bytes: &[u8]) -> Result<Self, CacheError> {
        Self::parse_located(bytes).map_err(|(error, _)| error)
    }

    /// The same, and for an error where the field at fault begins.
    ///
    /// # Errors
    /// As [`CacheIndex::parse`].
    pub fn parse_located(bytes: &[u8]) -> Result<Self, (CacheError, u64)> {
        let read = |offset: u64, buffer: &mut [u8]| {
            // `Source` stays within the length, so the offset fits.
            let start = offset as usize;
            buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
            Ok::<(), Infallible>(())
        };
        let mut source = Source { len: bytes.len() as u64, position: 0, field: 0, read };
        match read_index(&mut source) {
            Ok(index) => Ok(index),
            Err(Failure::Check(error)) => Err((error, source.at_fault(error))),
        }
    }

    /// Whether it can belong to a plot of so many leaves: height, hash, node sizes and counts fit.
    pub fn fits(&self, leaf_count: u64) -> bool {
        self.tree_height == merkle::height(leaf_count)
            && self.hash_name == HASH_NAME
            && self.hash_size == NodeHash::SIZE as u32
            && self
                .levels
                .iter()
                .all(|(level, len, _)| *len == merkle::level_len(leaf_count, *level))
    }

    /// Offset of a node; `None` if it is not cached.
    pub fn node_offset(&self, level: u32, index: u64) -> Option<u64> {
        let (lowest, ..) = self.levels.first()?;
        let (_, len, first) = self.levels.get(level.checked_sub(*lowest)? as usize)?;
        // No overflow: all of the level's nodes lie within the file.
        (index < *len).then(|| first + index * u64::from(self.hash_size))
    }
}

/// What the file's header says.
struct Header {
    tree_height: u32,
    hash_name: String,
    hash_size: u32,
    start_level: u32,
    end_level: u32,
}

fn read_index<E, R>(source: &mut Source<R>) -> Result<CacheIndex, Failure<E>>
where
    R: FnMut(u64, &mut [u8]) -> Result<(), E>,
{
    let header = read_header(source)?;
    let count = u64::from(header.end_level) - u64::from(header.start_level) + 1;
    let mut levels = BTreeMap::new();
    for _ in 0..count {
        let (level, len, first) = read_level(source, &header)?;
        levels.insert(level, (len, first));
    }
    if source.left() > 0 {
        return Err(CacheError::TrailingBytes.into());
    }
    if (levels.len() as u64) < count {
        return Err(CacheError::MissingLevel.into());
    }
    let Header { tree_height, hash_name, hash_size, .. } = header;
    let levels = levels.into_iter().map(|(level, (len, first))| (level, len, first)).collect();
    Ok(CacheIndex { tree_height, hash_name, hash_size, levels })
}

/// Checks 1 to 14.
fn read_header<E, R>(source: &mut Source<R>) -> Result<Header, Failure<E>>
where
    R: FnMut(u64, &mut [u8]) -> Result<(), E>,
{
    let [magic @ .., version] = source.take::<5>(CacheError::TooShort)?;
    check(magic == *MAGIC, CacheError::BadMagic)?;
    check(version == VERSION, CacheError::UnsupportedVersion)?;
    check(source.left() >= 24, CacheError::TooShortForHeader)?;
    let tree_height = source.number(CacheError::TooShortForHeader, CacheError::BadTreeHeight)?;
    let name_len = source.number(CacheError::TooShortForHeader, CacheError::BadNameLength)?;
    check(name_len <= MAX_NAME_LEN, CacheError::BadNameLength)?;
    let mut name = vec![0; name_len as usize];
    source.fill(&mut name, CacheError::TooShortForName)?;
    check(source.left() >= 16, CacheError::TooShortForHeaderTail)?;
    let tail = CacheError::TooShortForHeaderTail;
    let hash_size = source.number(tail, CacheError::BadHashSize)?;
    check(hash_size > 0, CacheError::BadHashSize)?;
    let start_level = source.number(tail, CacheError::BadStartLevel)?;
    let end_level = source.number(tail, CacheError::BadEndLevel)?;
    check(end_level >= start_level, CacheError::BadEndLevel)?;
    let level_count = source.number(tail, CacheError::LevelCountMismatch)?;
    check(level_count == end_level - start_level + 1, CacheError::LevelCountMismatch)?;
    let hash_name = String::from_utf8_lossy(&name).into_owned();
    check(!hash_name.trim().is_empty(), CacheError::BlankName)?;
    check(end_level < tree_height || tree_height == 0, CacheError::EndLevelNotBelowHeight)?;
    Ok(Header { tree_height, hash_name, hash_size, start_level, end_level })
}

/// Check 15: (level, number of nodes, offset of the first).
fn read_level<E, R>(source: &mut Source<R>, header: &Header) -> Result<(u32, u64, u64), Failure<E>>
where
    R: FnMut(u64, &mut [u8]) -> Result<(), E>,
{
    check(source.left() >= 12, CacheError::TooShortForLevelHeader)?;
    let level = source.number(CacheError::TooShortForLevelHeader, CacheError::LevelOutOfRange)?;
    check((header.start_level..=header.end_level).contains(&level), CacheError::LevelOutOfRange)?;
    let len = i64::from_le_bytes(source.take(CacheError::TooShortForLevelHeader)?);
    let len = u64::try_from(len).map_err(|_| CacheError::BadNodeCount)?;
    let first = source.position;
    let bytes = len.checked_mul(header.hash_size.into());
    source.skip(bytes.ok_or(CacheError::TooShortForNodes)?, CacheError::TooShortForNodes)?;
    Ok((level, len, first))
}

/// Why reading stopped.
enum Failure<E> {
    Check(CacheError),
    Read(E),
}

impl<E> From<CacheError> for Failure<E> {
    fn from(error: CacheError) -> Self {
        Self::Check(error)
    }
}

fn check(holds: bool, error: CacheError) -> Result<(), CacheError> {
    if holds { Ok(()) } else { Err(error) }
}

/// The file, read from the front; never past its length.
struct Source<R> {
    len: u64,
    position: u64,
    /// Where the field begins that was read last.
    field: u64,
    read: R,
}

impl<E, R: FnMut(u64, &mut [u8]) -> Result<(), E>> Source<R> {
    fn left(&self) -> u64 {
        self.len - self.position
    }

    /// Where the field begins that a check refused.
    fn at_fault(&self, error: CacheError) -> u64 {
        match error {
            CacheError::UnsupportedVersion => MAGIC.len() as u64,
            CacheError::BlankName => NAME_OFFSET,
            // It is looked at once the count of levels behind it was read.
            CacheError::EndLevelNotBelowHeight => self.field - 4,
            CacheError::TooShort
            | CacheError::TooShortForHeader
            | CacheError::TooShortForName
            | CacheError::TooShortForHeaderTail
            | CacheError::TooShortForLevelHeader
            | CacheError::TooShortForNodes
            | CacheError::TrailingBytes
            | CacheError::MissingLevel => self.position,
            _ => self.field,
        }
    }

    fn skip(&mut self, bytes: u64, short: CacheError) -> Result<(), Failure<E>> {
        check(bytes <= self.left(), short)?;
        self.position += bytes;
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8], short: CacheError) -> Result<(), Failure<E>> {
        let offset = self.position;
        self.field = offset;
        self.skip(buffer.len() as u64, short)?;
        (self.read)(offset, buffer).map_err(Failure::Read)
    }

    fn take<const N: usize>(&mut self, short: CacheError) -> Result<[u8; N], Failure<E>> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, short)?;
        Ok(bytes)
    }

    /// A 32-bit integer that may not be negative.
    fn number(&mut self, short: CacheError, negative: CacheError) -> Result<u32, Failure<E>> {
        let number = i32::from_le_bytes(self.take(short)?);
        Ok(u32::try_from(number).map_err(|_| negative)?)
    }
}
