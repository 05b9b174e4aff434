//! Strategies compared over recorded challenges: simulated at the rates at
//! which drives were read then, or really scanned with the plots that are there
//! now. `docs/plugins/replay.md` says what the figures rest on.

mod challenges;
mod figures;
mod interval;
mod scanned;
mod scene;
mod simulated;

pub use challenges::{Challenge, Challenges, LeftOut};
pub use figures::{Compared, Figures, Paired};
pub use interval::{Interval, Resamples, wilson};
pub use scanned::scan;
pub use scene::{Drives, scene};
pub use simulated::{Candidate, Faults, Reproduced, Tried, reproduce, simulate};

/// How a strategy did at one challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Leaves scanned.
    pub scanned: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Until its plans were complete, or the time was over, microseconds.
    pub took_us: u64,
    /// Whether the time was over before.
    pub missed: bool,
    /// The chance that as many leaves win.
    pub chance: f64,
    /// Whether it found a leaf that wins, as far as is known.
    pub wins: bool,
    /// Plots that the host planned in the strategy's place.
    pub own: u64,
}
