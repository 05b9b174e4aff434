//! Jobs, plots, blocks, transactions and proofs as a miner has them.

use std::sync::atomic::AtomicBool;

use spacetime_sdk_loader::abi::{
    BatchStats, Builder, Candidate, Job, Plot, PolicyContext, ProofClaim, StopRule,
};

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

/// How a scan is going: so many leaves of a plot in a second, and the best
/// score of all plots so far, if there is one.
pub fn stats(leaves: u64, best: Option<[u8; 32]>) -> BatchStats {
    BatchStats {
        leaves,
        bytes_read: leaves * 32,
        elapsed_ns: 1_000_000_000,
        best: best.unwrap_or([0xFF; 32]),
        reserved: [0; 8],
    }
}

/// A block to choose for, which takes so many transactions.
pub fn block(max_transactions: u64) -> PolicyContext {
    PolicyContext {
        parent: [1; 32],
        height: 2,
        epoch: 3,
        difficulty: 16,
        score: [0; 32],
        miner: [0xED; 33],
        max_transactions,
        reserved: [0; 8],
    }
}

/// A pending transaction: the `nonce`-th of a sender of this number, who owns
/// a thousand and has sent nothing yet, of 10 for somebody and a fee.
pub fn candidate(sender: u8, nonce: u64, fee: u64) -> Candidate {
    let mut hash = [sender; 32];
    hash[..8].copy_from_slice(&nonce.to_be_bytes());
    hash[8..16].copy_from_slice(&fee.to_be_bytes());
    Candidate {
        hash,
        sender: [sender; 33],
        recipient: [0xED; 33],
        amount: 10,
        fee,
        nonce,
        size: 155,
        sender_balance: 1000,
        sender_nonce: 0,
        reserved: [0; 2],
    }
}

/// A proof for a transport's challenge of this number. Its parts do not fit
/// together: whoever verifies it must refuse it.
pub fn claim(challenge_id: u64) -> ProofClaim {
    ProofClaim {
        challenge_id,
        challenge: [7; 32],
        epoch: 3,
        height: 2,
        score: [5; 32],
        plot_root: [6; 32],
        miner: [0xED; 33],
        proof: vec![1, 2, 3].into(),
        reserved: [0; 16],
    }
}
