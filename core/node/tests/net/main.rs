//! Nodes among peers, over real sockets.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod bench;
mod follow;
mod lies;
mod miner;
mod orphans;
mod partition;
mod pauses;
mod slow;
mod time;
mod tls;
