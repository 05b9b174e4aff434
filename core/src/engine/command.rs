//! All that the state can ask for.

use std::{path::Path, sync::Arc};

use spacetime_protocol::BlockHash;
use spacetime_sdk_loader::abi::ProofClaim;

use crate::{
    block::BlockPlan,
    observe,
    scan::{Found, ScanSpec},
};

/// Something to do; none of it is waited for.
#[derive(Clone, Debug)]
pub enum Command {
    /// Scan the current plot set; answered by `Scanned`.
    StartScan {
        /// What for; its id names the scan.
        spec: Box<ScanSpec>,
        /// Plots to leave out.
        without: Vec<Arc<Path>>,
    },
    /// End a scan; answered by `Scanned` too.
    CancelScan {
        /// The scan's id.
        job: u64,
        /// Why.
        why: observe::Ended,
    },
    /// Make and verify a leaf's way to its plot's root; answered by `Proved`.
    Prove {
        /// The claim that it is for.
        claim: u64,
        /// The scan that found the leaf.
        job: u64,
        /// The leaf.
        found: Found,
    },
    /// Scan a plot no more, as long as it stays the file that it is; answered by
    /// `SetAside`.
    SetAside {
        /// A scan that it was part of.
        job: u64,
        /// Its number there.
        plot: usize,
    },
    /// Make this claim's proof no more; `Proved` is of no interest any more.
    CancelProof {
        /// The claim that it was for.
        claim: u64,
    },
    /// Choose transactions, build, sign and check a block; answered by `Built`.
    Build {
        /// The claim that it is for.
        claim: u64,
        /// What to build.
        plan: Box<BlockPlan>,
    },
    /// Give a proof to a transport; answered by a verdict or `Unsent`.
    SubmitProof {
        /// To which one.
        source: usize,
        /// The submission's number.
        ticket: u64,
        /// The proof.
        claim: Arc<ProofClaim>,
    },
    /// Give a block to a transport; answered by a verdict or `Unsent`.
    SubmitBlock {
        /// To which one.
        source: usize,
        /// The submission's number.
        ticket: u64,
        /// The encoded block.
        block: Arc<[u8]>,
    },
    /// Ask a transport for the headers after the newest of these.
    FetchHeaders {
        /// Which one.
        source: usize,
        /// Hashes of our chain, newest first.
        locator: Vec<BlockHash>,
    },
    /// Send `Timer` then; replaces the last such wish.
    WakeAt {
        /// Unix milliseconds.
        unix_ms: u64,
    },
    /// Tell the world.
    Emit(Box<observe::Event>),
    /// Stop everything.
    Exit(Outcome),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The user stopped it.
    Stopped,
    /// As many blocks were accepted as were wanted.
    BlocksReached,
    /// The time was over.
    TimeOver,
    /// No transport could be opened.
    Failed(String),
    /// A transport refuses its config.
    Misconfigured(String),
}

impl Outcome {
    /// As it is written in events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stopped => "signal",
            Self::BlocksReached => "blocks",
            Self::TimeOver => "time",
            Self::Failed(_) | Self::Misconfigured(_) => "failure",
        }
    }
}
