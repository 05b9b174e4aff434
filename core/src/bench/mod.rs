//! How fast this machine is at what a miner does, each part beside a baseline of
//! its own, in turns in one run: `spacetime-miner bench`.

mod boundary;
mod drive;
mod files;
mod plot;
mod prove;
mod scan;
mod turns;

use std::{io, path::PathBuf, time::Duration};

use serde::Serialize;
use spacetime_sdk_loader::Fault;
use thiserror::Error;

pub use self::{
    boundary::boundary,
    drive::drive,
    files::{Scratch, make_plot},
    plot::plot,
    prove::prove,
    scan::scan,
};
use crate::{
    plots::{CreateError, PlotError, ReadError},
    proof::ProofError,
};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Scoring leaves
    Scan,
    /// Making plots
    Plot,
    /// Proving leaves
    Prove,
    /// Reading a plot that is not in memory
    Drive,
    /// Calls into the manifest's plugins
    Boundary,
}

/// One thing, as it is done here, beside its baseline.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What it is part of.
    pub part: Part,
    /// What is done.
    pub name: String,
    /// What is counted.
    pub unit: Unit,
    /// How many a second; the median of all rounds.
    pub rate: f64,
    /// What it is compared with.
    pub baseline: String,
    /// How many a second the baseline does; the median of all rounds.
    pub baseline_rate: f64,
    /// The first by the second, of each round; the median.
    pub ratio: f64,
    /// How often both were measured, in turns.
    pub rounds: usize,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Leaves, of 32 bytes.
    Leaves,
    /// Bytes.
    Bytes,
    /// Whole proofs.
    Proofs,
    /// Calls of a plugin.
    Calls,
    /// Transactions that a policy looks at.
    Candidates,
}

/// Follows the work.
pub trait Watch {
    /// Another round begins, of the row of this name, after this part of its time.
    fn round(&self, name: &str, done: f64);
}

/// How long it may take, and who follows it.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// What the rounds of a row may take, together; there are three at least.
    pub time: Duration,
    /// Hashing threads of what uses several.
    pub workers: usize,
    /// Who is told.
    pub watch: &'a dyn Watch,
}

/// Why something cannot be measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// A file cannot be used.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A plot cannot be opened.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A plot cannot be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// A plot cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A leaf cannot be proved.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The system has no memory or threads.
    #[error("cannot start scanning: {0}")]
    Scanner(io::Error),
    /// A plugin fails.
    #[error("{kind} `{name}` fails: {fault}")]
    Plugin {
        /// `strategy`, `engine` or `policy`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What it says.
        fault: Fault,
    },
}

impl BenchError {
    fn io<'a>(
        action: &'static str,
        path: &'a std::path::Path,
    ) -> impl Fn(io::Error) -> Self + use<'a> {
        move |error| Self::Io { action, path: path.to_owned(), error }
    }
}
