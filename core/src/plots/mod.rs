//! Plots on disk: the file, its Merkle cache, how it is made and checked, and
//! the live set of all of them. Knows nothing of challenges.

mod blocks;
mod cache;
mod cache_check;
mod cache_writer;
mod create;
mod discover;
mod eligible;
mod error;
mod file;
mod handles;
mod look;
mod made;
mod metadata;
mod path;
mod positioned;
mod regions;
mod repair;
mod room;
mod set;
mod source;
mod stream;
mod tree;
mod verify;

pub use crate::lock::Holder;
pub use blocks::BLOCK;
pub(crate) use blocks::memory_of_blocks;
pub use cache::{CacheState, path_beside as cache_path_beside};
pub(crate) use create::is_checkpoint;
pub use create::{
    CacheLevels, CreateError, Created, DEFAULT_MEMORY, Event as CreateEvent, Spec as CreateSpec,
    Watch as CreateWatch, create,
};
pub use discover::plots_in;
pub use eligible::Eligible;
pub use error::PlotError;
pub use file::PlotFile;
pub use metadata::MetadataError as PlotSetError;
pub use path::PathError;
pub(crate) use path::path_of;
pub use regions::Region;
pub use repair::{
    CacheOutcome, Follow as RepairFollow, HeaderState, Record as PlotRecord, RepairError, Repaired,
    Spec as RepairSpec, Stage as RepairStage, repair,
};
pub use set::{PlotProblem, PlotSet};
pub use source::{LeafOrigin, LeafSource, ReadError};
pub use verify::{CacheVerdict, Locator, Verdict, verify};

/// Whether bytes are a metadata file's; for fuzzing.
pub(crate) fn is_metadata(bytes: &[u8]) -> bool {
    metadata::parse(bytes).is_ok()
}
