//! The reference's vectors of plots, trees, caches, challenges and difficulty.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod caches;
mod challenges;
mod difficulty;
mod files;
mod leaves;
mod loads;
mod merkle;
mod plots;
