//! The program `spacetime-node` as a peer, from outside: processes, signals,
//! and clients that write their frames by hand.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod dead;
mod liars;
mod life;
mod limits;
mod process;
mod raw;
mod rejoin;
mod relay;
mod spoilt;
mod tls;
