//! The record of challenges, `strategy replay` over it, and shadows: real
//! miners, real plugin files, real plots.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod command;
#[allow(dead_code, reason = "shared with the tests of `adaptive`, which use more of it")]
#[path = "../adaptive/drives.rs"]
mod drives;
mod made;
mod paced;
mod record;
mod scanned;
mod shadow;
