//! Changes what belongs to the whole process.

#![allow(unsafe_code, reason = "the C library's interface")]

use std::sync::Once;

use serde::Deserialize;
use spacetime_sdk::Schema;

/// What is changed.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Schema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Meddle {
    #[default]
    Nothing,
    /// The folder that relative paths start from.
    ChangeFolder,
    /// The calling thread takes no signals any more.
    BlockSignals,
    /// Input, output and errors are closed.
    CloseStreams,
}

impl Meddle {
    pub(crate) fn happen(self) {
        match self {
            Self::Nothing => {}
            Self::ChangeFolder => std::env::set_current_dir("/").expect("the root is there"),
            Self::BlockSignals => block_signals(),
            // Once: what gets their numbers next is the miner's.
            Self::CloseStreams => {
                static ONCE: Once = Once::new();
                ONCE.call_once(close_streams);
            }
        }
    }
}

#[cfg(unix)]
fn block_signals() {
    // SAFETY: all zeros is a set, and both calls get the same one.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}

#[cfg(unix)]
fn close_streams() {
    for stream in 0..3 {
        // SAFETY: none: others use them.
        unsafe { libc::close(stream) };
    }
}

#[cfg(not(unix))]
fn block_signals() {}

#[cfg(not(unix))]
fn close_streams() {}
