//! Plots on a real disk: made, cut off, gone on with, proved, damaged,
//! verified, plugged in and pulled out.

#![cfg(unix)]

mod create;
mod prove;
mod set;
mod support;
mod verify;
