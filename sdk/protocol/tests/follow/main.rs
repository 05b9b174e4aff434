//! Following a node's chain: conversations with nodes that are ahead, behind,
//! elsewhere, slow, forgetful or lying, and with random honest ones.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod conversation;
mod lies;
mod random;
mod sync;
mod trouble;
mod world;
