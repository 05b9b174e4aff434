//! The miner as its users have it: the real program with real plugin files.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod bench;
mod commands;
mod damage;
mod effects;
mod first_run;
mod full_disk;
mod memory;
mod outsider;
mod schemes;
mod sessions;
mod small;
mod untouched;
