//! The record of challenges: what the miner was asked, what it planned, read
//! and found, so that other strategies can be tried on it. Bounded on disk and
//! in memory, and never waited for. `docs/plugins/replay.md` explains the
//! format to others.

mod entry;
mod load;
mod recorder;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use entry::plots;
pub use entry::{Best, BuilderName, Entry, FORMAT, Line, PlotList, Run, StopRule, StrategyId};
pub(crate) use load::is_record;
pub use load::{LoadError, Record, Recorded, load};
pub use recorder::Recorder;
pub use writer::{WriteError, Writer};

/// The file that came before this one.
pub(crate) fn older(file: &std::path::Path) -> std::path::PathBuf {
    crate::durable::with_suffix(file, ".old")
}
