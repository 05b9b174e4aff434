//! The rules of every kind of plugin, and a test for each: a built plugin file,
//! through the boundary that the miner uses, one process per test.
//!
//! A [`Subject`] is one component of a file. [`judge`] starts a process that
//! tests it against one [`Rule`], waits for that process no longer than it may
//! take, and says what came of it, also when it crashed or hung. What is
//! started must call [`run_if_asked`] before anything else.
//!
//! Miners reach the kit by `spacetime-miner plugin test FILE`, authors by the
//! macro `conformance!` of `spacetime-sdk-testing`.

#![forbid(unsafe_code)]

mod any;
mod child;
mod engine;
mod isolate;
mod oracle;
mod policy;
mod probe;
mod rule;
mod sample;
mod slow;
mod strategy;
mod task;
mod transport;

pub use child::run_if_asked;
pub use isolate::{Judgement, judge};
pub use oracle::{leaves, lowest};
pub use rule::{Rule, rule, rules, rules_for};
pub use sample::{block, candidate, claim, job, plot, stats};
pub use slow::SlowMethods;
pub use task::{Finding, Late, Lateness, Outcome, Subject};

/// What random inputs are drawn from unless somebody chooses.
pub const SEED: u64 = 1;

/// Over how many jobs growth is looked for unless somebody chooses.
pub const JOBS: u64 = 100_000;
