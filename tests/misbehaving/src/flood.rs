//! Too much of everything that a host takes.

use std::fmt;

use serde::Deserialize;
use spacetime_sdk::{Error, Result, Schema, count, tracing};

/// What there is too much of, in each call.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Schema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flood {
    #[default]
    Nothing,
    /// Ten thousand log lines, and one of ten megabytes.
    Log,
    /// Ten thousand counters, and one with a name of a megabyte.
    Metrics,
    /// A megabyte that is never given back.
    Memory,
    /// A hundred threads that panic, each in its own words.
    Panics,
}

impl Flood {
    pub(crate) fn happen(self) {
        match self {
            Self::Nothing => {}
            Self::Log => {
                (0..10_000).for_each(|line| tracing::error!("flood {line}"));
                tracing::error!("{}", "x".repeat(10 << 20));
            }
            Self::Metrics => {
                (0..10_000).for_each(|number| count(&format!("flood_{number}"), 1));
                count(&"x".repeat(1 << 20), 1);
            }
            Self::Memory => {
                Vec::leak(vec![1_u8; 1 << 20]);
            }
            Self::Panics => {
                for number in 0..100 {
                    let thread = std::thread::spawn(move || panic!("flood {number}"));
                    // Its panic is what is wanted.
                    let _ = thread.join();
                }
            }
        }
    }
}

/// What panics when it is to be shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Schema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unshowable {
    #[default]
    Nothing,
    /// An error that is returned.
    Error,
    /// A value that is logged.
    LogLine,
}

#[derive(Debug)]
struct Bomb;

impl fmt::Display for Bomb {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("misbehaving when it is shown");
    }
}

impl std::error::Error for Bomb {}

impl Unshowable {
    /// # Errors
    ///
    /// None: it panics while one is made.
    pub(crate) fn show(self) -> Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Error => Err(Error::from(Bomb)),
            Self::LogLine => {
                tracing::error!("{}", Bomb);
                Ok(())
            }
        }
    }
}
