//! The program `spacetime-node` as a peer, from outside: processes, signals,
//! and clients that write their frames by hand.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod dead;
mod discovery;
mod half;
mod liars;
mod life;
mod limits;
#[cfg(target_os = "linux")]
mod memory;
mod process;
mod raw;
mod rejoin;
mod relay;
mod spoilt;
mod tls;
