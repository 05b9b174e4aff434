//! Plots on a real disk: made, cut off, gone on with, proved, damaged,
//! verified, plugged in and pulled out.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod create;
mod defects;
mod prove;
mod set;
mod support;
mod verify;
