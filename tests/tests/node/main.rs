//! The transport `node`: the real miner on real sockets, with nodes that are
//! good, gone, silent, or lie.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod asks;
#[path = "../../../core/node/tests/net/bench.rs"]
#[allow(dead_code, reason = "the node's own tests use more of it")]
mod bench;
#[path = "../../../core/node/tests/common/mod.rs"]
mod common;
mod config;
mod ends;
mod flood;
mod lies;
mod lost;
mod mines;
mod silent;
mod tls;

use spacetime_tests::{artifacts::plugin, home::Home};

/// A home that mines on the network `local` with this config of the transport.
fn home(config: &str) -> Home {
    Home::new()
        .plugin(&plugin("spacetime-transport-node"))
        .set("connection_retry_interval_seconds", "1")
        .set("transports", &format!("[(name: \"node\", config: ({config}))]"))
}
