//! The plugin boundary: real plugin files through the loader.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod adaptive;
mod config;
mod descriptor;
mod faults;
mod fee_priority;
mod foreign;
mod refusals;
mod services;
mod side_by_side;
mod transports;
