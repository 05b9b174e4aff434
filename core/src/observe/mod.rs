//! What the miner tells about itself: one stream of events, fed by the engine
//! and read by everything that shows something. Decides nothing.

mod event;
mod human;
mod shadow;
mod stream;

pub use event::{
    Answered, BestLeaf, BuildPerformance, CallTimes, Counters, Detail, DriveCoverage, Ended, Event,
    Fault, NewChallenge, PluginLog, PluginUse, PluginsUsed, Replaced, ScanPerformance, Started,
    Stopped, Submittable, Submitted, Tip, Untold, Won, rfc3339,
};
pub use human::{Mood, Narrator, Said, size};
pub use shadow::{ShadowHow, ShadowScan, ShadowTotals};
pub use spacetime_sdk::text::count;
pub use stream::{Inlet, Sink, Status, Stream};
