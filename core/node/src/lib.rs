//! The Spacetime development node: a chain on disk, the choice between its
//! branches, the pool of pending transactions, its connections with peers, and
//! the local socket through which other commands work beside it. Rules are
//! `spacetime-protocol`'s; clocks are the caller's, but for `net`'s.

#![forbid(unsafe_code)]

pub mod ask;
mod chain;
/// Runs the reference's vectors.
#[cfg(test)]
#[path = "../../../sdk/protocol/tests/common/mod.rs"]
mod common;
mod feed;
pub mod local;
mod mempool;
pub mod net;
mod service;
pub mod store;

pub use chain::{MAX_REORGANISATION, Rejection, Submitted};
pub use feed::{Feed, FeedError, News};
pub use mempool::{MAX_PER_SENDER, MAX_TRANSACTIONS, Refusal};
pub use service::{Candidates, Changes, Service};
