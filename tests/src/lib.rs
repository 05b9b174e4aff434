//! The harness of the black-box tests: builds the programs and plugins under
//! test, runs them, and reads what they say. Nothing here knows what is right.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a failing harness fails the test")]

pub mod address;
pub mod artifacts;
pub mod assembled;
pub mod figures;
#[cfg(doctest)]
mod guide;
pub mod home;
pub mod node;
pub mod outside;
pub mod plugins;
pub mod pool;
pub mod process;
pub mod proxy;
pub mod scripted;
pub mod session;
