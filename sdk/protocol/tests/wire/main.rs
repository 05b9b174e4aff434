//! Frames and messages: against the reference's vectors, and properties of our own.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod connection;
mod data;
mod fields;
mod frames;
mod messages;
mod properties;
mod refusals;
