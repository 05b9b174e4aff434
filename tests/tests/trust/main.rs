//! Who may be loaded, and what is loaded then: signatures, pins, the lock
//! file, the place of a file, private copies.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod bytes;
mod commands;
mod copies;
mod install;
mod place;
mod rules;
mod support;
