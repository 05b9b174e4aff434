//! Jobs and plots as a miner has them.

use std::sync::atomic::AtomicBool;

use spacetime_sdk_loader::abi::{Builder, Job, Plot, StopRule};

/// A job like many, ended by this flag.
pub fn job(cancel: &AtomicBool) -> Job<'_> {
    Job {
        id: 1,
        challenge: [7; 32],
        block_target: [0x0F; 32],
        share_target: [0; 32],
        epoch: 3,
        height: 2,
        stop: StopRule::BEST_OF_ALL,
        builder: Builder::HOST,
        stop_leaves: 0,
        deadline_ms: 0,
        started_ms: 1_700_000_000_000,
        plots: 1,
        leaves: 100,
        seed: 42,
        cancel,
        reserved: [0; 16],
    }
}

/// A plot of so many leaves.
pub fn plot(leaf_count: u64) -> Plot {
    Plot {
        id: [9; 32],
        leaf_count,
        index: 0,
        drive: 0,
        read_rate: 0,
        scan_rate: 0,
        reserved: [0; 8],
    }
}
