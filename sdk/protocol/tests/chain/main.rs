//! Transactions, blocks, their validity and the header chain: against the reference's vectors,
//! and properties of our own.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod block_builder;
mod block_proofs;
mod block_validity;
mod blocks;
mod genesis;
mod header_chain;
mod headers;
mod input;
mod networks;
mod proof_validity;
mod properties;
mod sample;
mod state;
mod transactions;
mod tx_validation;
mod windows;
