//! How a drive is read: through the system's memory or past it, as somebody
//! says or as measurement does.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Deserialize;
use spacetime_protocol::Leaf;

/// How plots are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Io {
    /// In the way that is the faster on each drive, found by reading.
    #[default]
    Auto,
    /// Through the system's memory, which keeps what it has room for.
    Buffered,
    /// Past it, where system and file system allow that.
    Direct,
}

impl Io {
    /// Their names in the manifest.
    pub const NAMES: [&str; 3] = ["auto", "buffered", "direct"];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "buffered" => Some(Self::Buffered),
            "direct" => Some(Self::Direct),
            _ => None,
        }
    }
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Buffered,
    Direct,
}

/// Leaves that are read each way before one is chosen: 32 MiB, several times
/// what systems read ahead.
const TRIAL: u64 = 1 << 20;

/// After that the drive, or what the system has of it in memory, may be another.
const HOLDS: Duration = Duration::from_secs(600);

/// The ways to read a drive.
#[derive(Debug)]
pub(crate) struct Ways {
    io: Io,
    /// Of the drive, for people.
    number: u64,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    buffered: Tried,
    direct: Tried,
    chosen: Option<(Way, Instant)>,
}

/// What was read one way.
#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    leaves: u64,
    took: Duration,
}

impl Tried {
    fn rate(self) -> f64 {
        self.leaves as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

impl Ways {
    pub(super) fn new(io: Io, number: u64) -> Self {
        Self { io, number, state: Mutex::default() }
    }

    /// How a long span is to be read now.
    pub(crate) fn choice(&self) -> Way {
        match self.io {
            Io::Buffered => Way::Buffered,
            Io::Direct => Way::Direct,
            Io::Auto => {
                let mut state = self.lock();
                let chosen = state.chosen.filter(|(_, when)| when.elapsed() < HOLDS);
                if state.chosen.is_some() && chosen.is_none() {
                    *state = State::default();
                }
                match chosen {
                    Some((way, _)) => way,
                    None if state.buffered.leaves < TRIAL => Way::Buffered,
                    None => Way::Direct,
                }
            }
        }
    }

    /// Leaves were read.
    pub(crate) fn add(&self, way: Way, leaves: u64, took: Duration) {
        let mut state = self.lock();
        let tried = match way {
            Way::Buffered => &mut state.buffered,
            Way::Direct => &mut state.direct,
        };
        if tried.leaves >= TRIAL {
            return;
        }
        tried.leaves += leaves;
        tried.took += took;
        let State { buffered, direct, chosen } = *state;
        if chosen.is_none() && buffered.leaves >= TRIAL && direct.leaves >= TRIAL {
            let way = faster(buffered, direct);
            state.chosen = Some((way, Instant::now()));
            drop(state);
            self.tell(way, buffered, direct);
        }
    }

    fn tell(&self, way: Way, buffered: Tried, direct: Tried) {
        let mib = |tried: Tried| (tried.rate() * Leaf::SIZE as f64 / f64::from(1 << 20)).round();
        let how = match way {
            Way::Buffered => "through the system's memory",
            Way::Direct => "past the system's memory",
        };
        if self.io == Io::Auto {
            tracing::info!(
                drive = self.number,
                buffered_mib_s = mib(buffered),
                direct_mib_s = mib(direct),
                "this drive is read {how}"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Past the system's memory if that is hardly slower: it costs less of the
/// processor, and leaves the memory to others.
fn faster(buffered: Tried, direct: Tried) -> Way {
    match direct.rate() * 1.1 >= buffered.rate() {
        true => Way::Direct,
        false => Way::Buffered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads until a way is chosen.
    fn chosen(buffered: u64, direct: u64) -> Way {
        let ways = Ways::new(Io::Auto, 0);
        for _ in 0..2 * TRIAL / 1000 + 4 {
            let way = ways.choice();
            let rate = if way == Way::Buffered { buffered } else { direct };
            ways.add(way, 1000, Duration::from_nanos(1_000_000_000_000 / rate));
        }
        let state = *ways.lock();
        assert_eq!(state.chosen.map(|(way, _)| way), Some(ways.choice()));
        ways.choice()
    }

    #[test]
    fn the_faster_way_is_chosen_and_the_one_past_memory_if_they_are_alike() {
        assert_eq!(chosen(2_000_000, 1_000_000), Way::Buffered);
        assert_eq!(chosen(1_000_000, 2_000_000), Way::Direct);
        assert_eq!(chosen(1_000_000, 950_000), Way::Direct);
    }

    #[test]
    fn both_are_tried_first_and_again_after_a_while() {
        let ways = Ways::new(Io::Auto, 0);
        assert_eq!(ways.choice(), Way::Buffered);
        ways.add(Way::Buffered, TRIAL, Duration::from_secs(1));
        assert_eq!(ways.choice(), Way::Direct);
        ways.add(Way::Direct, TRIAL, Duration::from_secs(9));
        assert_eq!(ways.choice(), Way::Buffered);
        let long_ago = Instant::now().checked_sub(HOLDS);
        // A machine that has just started has no such moment.
        if let Some(long_ago) = long_ago {
            ways.lock().chosen = Some((Way::Direct, long_ago));
            assert_eq!(ways.choice(), Way::Buffered);
            assert_eq!(ways.lock().direct.leaves, 0);
        }
    }

    #[test]
    fn what_somebody_says_is_kept_to() {
        for (io, way) in [(Io::Buffered, Way::Buffered), (Io::Direct, Way::Direct)] {
            let ways = Ways::new(io, 0);
            ways.add(Way::Buffered, TRIAL, Duration::from_secs(1));
            ways.add(Way::Direct, TRIAL, Duration::from_secs(1));
            assert_eq!(ways.choice(), way);
        }
    }
}
