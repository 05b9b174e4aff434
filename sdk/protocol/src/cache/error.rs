//! Why bytes are not a cache file.

use thiserror::Error;

/// Why bytes are not a cache file, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the names are those of the specification's table")]
pub enum CacheError {
    #[error("it is too short")]
    TooShort,
    #[error("it does not begin with `MKTC`")]
    BadMagic,
    #[error("its version is not 1")]
    UnsupportedVersion,
    #[error("it is too short for its header")]
    TooShortForHeader,
    #[error("its tree height is negative")]
    BadTreeHeight,
    #[error("the length of its hash name is not between 0 and 1024")]
    BadNameLength,
    #[error("it is too short for its hash name")]
    TooShortForName,
    #[error("it is too short for the rest of its header")]
    TooShortForHeaderTail,
    #[error("its node size is not positive")]
    BadHashSize,
    #[error("its start level is negative")]
    BadStartLevel,
    #[error("its end level is before its start level")]
    BadEndLevel,
    #[error("its number of levels is not that of its range")]
    LevelCountMismatch,
    #[error("its hash name is blank")]
    BlankName,
    #[error("its end level is not below its tree height")]
    EndLevelNotBelowHeight,
    #[error("it is too short for a level")]
    TooShortForLevelHeader,
    #[error("a level is out of its range")]
    LevelOutOfRange,
    #[error("a node count is negative")]
    BadNodeCount,
    #[error("it is too short for the nodes of a level")]
    TooShortForNodes,
    #[error("bytes follow its last level")]
    TrailingBytes,
    #[error("a level is missing")]
    MissingLevel,
}
