//! Where a component misbehaves, and how.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use spacetime_sdk::{Error, Result, Schema, tracing};

use crate::{
    flood::{Flood, Unshowable},
    meddle::Meddle,
    ruin::Ruin,
};

/// A place in an author's code.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Schema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Open,
    Begin,
    Plan,
    Estimate,
    Feedback,
    Arrange,
    Scan,
    Select,
    Check,
    Ask,
    Run,
    /// A task that the component spawns on its runtime.
    Task,
    /// A thread that the component starts, at work.
    Thread,
    Drop,
}

/// The part of a config that every component has.
#[derive(Debug, Default, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Failures {
    /// Calls that panic.
    panic_in: Vec<Place>,
    /// Calls that return an error.
    error_in: Vec<Place>,
    /// Calls that never return.
    hang_in: Vec<Place>,
    /// Calls that never return, and keep a core busy all the time.
    spin_in: Vec<Place>,
    /// Calls that do what the next five say.
    act_in: Vec<Place>,
    ruin: Ruin,
    meddle: Meddle,
    flood: Flood,
    unshowable: Unshowable,
    /// Takes so many milliseconds longer.
    slow_ms: u64,
    /// How many calls of these places pass before the first one fails.
    after: u64,
    /// Reading this field panics.
    #[serde(deserialize_with = "panic_while_reading")]
    #[schema(any)]
    panic_while_reading: (),
    #[serde(skip)]
    calls: AtomicU64,
}

fn panic_while_reading<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<(), D::Error> {
    IgnoredAny::deserialize(value)?;
    panic!("misbehaving while its config is read");
}

impl Failures {
    /// What an author's code does at this place; it may never return.
    ///
    /// # Errors
    ///
    /// As configured.
    ///
    /// # Panics
    ///
    /// As configured.
    pub(crate) fn at(&self, place: Place) -> Result<()> {
        let (panics, hangs) = (self.panic_in.contains(&place), self.hang_in.contains(&place));
        let (spins, acts) = (self.spin_in.contains(&place), self.act_in.contains(&place));
        let fails = panics || hangs || spins || acts || self.error_in.contains(&place);
        if !fails || self.calls.fetch_add(1, Ordering::Relaxed) < self.after {
            return Ok(());
        }
        if acts {
            return self.act();
        }
        if hangs {
            loop {
                std::thread::park();
            }
        }
        if spins {
            loop {
                std::hint::spin_loop();
            }
        }
        assert!(!panics, "misbehaving in {place:?}");
        Err(Error::new(format_args!("misbehaving in {place:?}")))
    }

    fn act(&self) -> Result<()> {
        // Being slow is the misbehaviour; no test waits by it.
        std::thread::sleep(Duration::from_millis(self.slow_ms));
        self.meddle.happen();
        self.flood.happen();
        self.ruin.happen();
        self.unshowable.show()
    }

    /// What a thread of the component's does, which is waited for, so that its
    /// panic has happened when this returns.
    pub(crate) fn in_thread(&self) {
        std::thread::scope(|scope| {
            // Its panic is what is wanted; the join's result says no more.
            let work = || {
                tracing::trace!("a thread in detail");
                self.at(Place::Thread)
            };
            let _ = scope.spawn(work).join();
        });
    }
}
