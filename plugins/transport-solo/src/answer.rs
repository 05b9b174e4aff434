//! What the chain says to a block, in the host's terms.

use std::time::{SystemTime, UNIX_EPOCH};

use spacetime_node::{Rejection, Service, Submitted};
use spacetime_sdk::Verdict;
use spacetime_sdk::protocol::block::Block;

/// The clock that blocks are checked against, Unix seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Submits an encoded block: a verdict, and the reason for people.
pub(crate) fn to_block(service: &Service, bytes: &[u8], now: u64) -> (Verdict, String) {
    let block = match Block::decode(bytes) {
        Ok(block) => block,
        Err(error) => return (Verdict::Rejected, format!("not a block: {error}")),
    };
    match service.submit_block(&block, now) {
        Ok(submitted) => verdict(submitted),
        // The chain is as it was: the same block may succeed later.
        Err(error) => (Verdict::Undelivered, error.to_string()),
    }
}

fn verdict(submitted: Submitted) -> (Verdict, String) {
    match submitted {
        Submitted::NewTip | Submitted::AlreadyKnown { best: true } => {
            (Verdict::Accepted, String::new())
        }
        Submitted::SideBranch | Submitted::AlreadyKnown { best: false } => {
            (Verdict::Stale, "another block is preferred at this height".to_owned())
        }
        Submitted::Rejected(rejection @ Rejection::TooDeep { .. }) => {
            (Verdict::Stale, rejection.to_string())
        }
        Submitted::Rejected(rejection) => (Verdict::Rejected, rejection.to_string()),
    }
}
