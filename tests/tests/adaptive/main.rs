//! The strategy `adaptive` and what the host does for it: real plugin files in
//! the real scanner, over drives that deliver at a set pace.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod coverage;
mod drives;
mod host;
mod scans;
mod stop;
mod worth;
