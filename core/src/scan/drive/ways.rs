//! How a drive is read: through the system's memory, within it, or past it, as
//! somebody says or as measurement does.

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
    /// In the way that is the fastest on each drive, found by reading.
    #[default]
    Auto,
    /// Through the system's memory, which keeps what it has room for.
    Buffered,
    /// Past it, where system and file system allow that.
    Direct,
    /// Within it, without a copy, where system and file system allow that.
    Mmap,
}

impl Io {
    /// Their names in the manifest.
    pub const NAMES: [&str; 4] = ["auto", "buffered", "direct", "mmap"];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "buffered" => Some(Self::Buffered),
            "direct" => Some(Self::Direct),
            "mmap" => Some(Self::Mmap),
            _ => None,
        }
    }
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Buffered,
    Direct,
    Mapped,
}

impl Way {
    /// In the order in which they are tried.
    const ALL: [Self; 3] = [Self::Buffered, Self::Direct, Self::Mapped];

    /// What makes up for being so much slower: a way past the system's memory
    /// leaves that to others, and costs less of the processor.
    fn handicap(self) -> f64 {
        match self {
            Self::Buffered | Self::Mapped => 1.0,
            Self::Direct => 1.1,
        }
    }
}

/// Leaves that are read each way before one is chosen: 32 MiB, several times
/// what systems read ahead.
const TRIAL: u64 = 1 << 20;

/// How many trials' leaves a rate is measured over.
const MEMORY: u64 = 2;

/// After that the others may have become faster.
const HOLDS: Duration = Duration::from_secs(600);

/// What the one in use may be slower by before another takes its place.
const STAYS: f64 = 1.1;

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
    tried: [Tried; Way::ALL.len()],
    chosen: Option<(Way, Instant)>,
    /// What was said last.
    told: Option<Way>,
}

/// What was read one way.
#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    leaves: u64,
    took: Duration,
    /// It cannot be done here.
    refused: bool,
}

impl Tried {
    fn add(&mut self, leaves: u64, took: Duration) {
        self.leaves += leaves;
        self.took += took;
        if self.leaves > MEMORY * TRIAL {
            self.leaves /= 2;
            self.took /= 2;
        }
    }

    fn is_known(self) -> bool {
        self.refused || self.leaves >= TRIAL
    }

    /// Leaves per second.
    fn rate(self) -> f64 {
        self.leaves as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

impl State {
    fn of(&self, way: Way) -> Tried {
        self.tried[way as usize]
    }

    /// The fastest, or one that is hardly slower and costs less; `None`: not all
    /// have been tried.
    fn best(&self) -> Option<Way> {
        if !self.tried.iter().all(|tried| tried.is_known()) {
            return None;
        }
        let current = self.chosen.map(|(way, _)| way);
        let worth = |way: &Way| {
            let stays = if current == Some(*way) { STAYS } else { 1.0 };
            self.of(*way).rate() * way.handicap() * stays
        };
        let possible = Way::ALL.into_iter().filter(|way| !self.of(*way).refused);
        possible.max_by(|one, other| worth(one).total_cmp(&worth(other)))
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
            Io::Mmap => Way::Mapped,
            Io::Auto => self.lock().choice(),
        }
    }

    /// How a long span is to be read if that is not to find out which way is
    /// the fastest.
    pub(crate) fn known(&self) -> Way {
        let chosen = self.lock().chosen;
        chosen.map_or_else(|| self.choice(), |(way, _)| way)
    }

    /// Leaves were read, in so much of the reader's time.
    pub(crate) fn add(&self, way: Way, leaves: u64, took: Duration) {
        if self.io != Io::Auto {
            return;
        }
        let mut state = self.lock();
        state.tried[way as usize].add(leaves, took);
        self.decide(state);
    }

    /// It cannot be done that way here.
    pub(crate) fn refuse(&self, way: Way) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.tried[way as usize].refused, true) {
            self.decide(state);
        }
    }

    fn decide(&self, mut state: MutexGuard<'_, State>) {
        let (before, Some(best)) = (state.chosen, state.best()) else { return };
        if before.is_none_or(|(way, _)| way != best) {
            state.chosen = Some((best, Instant::now()));
            let is_news = state.told.replace(best) != Some(best);
            let known = *state;
            drop(state);
            if is_news {
                self.tell(best, known);
            }
        }
    }

    fn tell(&self, way: Way, state: State) {
        let mib = |way| (state.of(way).rate() * Leaf::SIZE as f64 / f64::from(1 << 20)).round();
        let how = match way {
            Way::Buffered => "through the system's memory",
            Way::Direct => "past the system's memory",
            Way::Mapped => "within the system's memory",
        };
        tracing::info!(
            drive = self.number,
            buffered_mib_s = mib(Way::Buffered),
            direct_mib_s = mib(Way::Direct),
            mmap_mib_s = mib(Way::Mapped),
            "this drive is read {how}"
        );
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn choice(&mut self) -> Way {
        if let Some((way, when)) = self.chosen {
            if when.elapsed() < HOLDS {
                return way;
            }
            // What is in use is known; the others are tried anew.
            for other in Way::ALL.into_iter().filter(|other| *other != way) {
                self.tried[other as usize] = Tried::default();
            }
            self.chosen = None;
        }
        let unknown = |way: &Way| !self.of(*way).is_known();
        Way::ALL.into_iter().find(unknown).unwrap_or(Way::Buffered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto() -> Ways {
        Ways::new(Io::Auto, 0)
    }

    /// Reads so many leaves, whichever way is chosen, at these rates, buffered,
    /// direct and mapped; the way that is chosen then.
    fn read(ways: &Ways, leaves: u64, rates: [u64; 3]) -> Way {
        for _ in 0..leaves / 1000 + 4 {
            let way = ways.choice();
            ways.add(way, 1000, Duration::from_nanos(1_000_000_000_000 / rates[way as usize]));
        }
        ways.choice()
    }

    fn chosen(rates: [u64; 3]) -> Way {
        let ways = auto();
        let way = read(&ways, 3 * TRIAL + 3000, rates);
        assert_eq!(ways.lock().chosen.map(|(way, _)| way), Some(way));
        way
    }

    #[test]
    fn the_fastest_way_is_chosen_and_the_cheaper_one_if_they_are_alike() {
        assert_eq!(chosen([2_000_000, 1_000_000, 1_000_000]), Way::Buffered);
        assert_eq!(chosen([1_000_000, 2_000_000, 1_000_000]), Way::Direct);
        assert_eq!(chosen([1_000_000, 1_000_000, 2_000_000]), Way::Mapped);
        assert_eq!(chosen([1_000_000, 950_000, 1_000_000]), Way::Direct);
        assert_eq!(chosen([1_000_000, 500_000, 980_000]), Way::Buffered);
    }

    #[test]
    fn all_are_tried_first_but_those_that_cannot_be_done() {
        let ways = auto();
        assert_eq!(ways.choice(), Way::Buffered);
        ways.add(Way::Buffered, TRIAL, Duration::from_secs(2));
        assert_eq!(ways.choice(), Way::Direct);
        ways.refuse(Way::Direct);
        assert_eq!(ways.choice(), Way::Mapped);
        ways.add(Way::Mapped, TRIAL, Duration::from_secs(1));
        assert_eq!(ways.choice(), Way::Mapped);
        ways.refuse(Way::Mapped);
        assert_eq!(ways.choice(), Way::Buffered);
    }

    #[test]
    fn one_that_looked_fast_and_is_not_gives_way() {
        let ways = auto();
        // What was tried was in the system's memory; the rest is not.
        assert_eq!(read(&ways, 3 * TRIAL + 3000, [8_000_000, 1_000_000, 5_000_000]), Way::Buffered);
        assert_eq!(read(&ways, 9 * TRIAL, [300_000, 1_000_000, 200_000]), Way::Direct);
    }

    #[test]
    fn the_others_are_tried_again_after_a_while() {
        let ways = auto();
        read(&ways, 3 * TRIAL + 3000, [1_000_000, 2_000_000, 1_000_000]);
        // A machine that has just started has no such moment.
        if let Some(long_ago) = Instant::now().checked_sub(HOLDS) {
            ways.lock().chosen = Some((Way::Direct, long_ago));
            assert_eq!(ways.known(), Way::Direct, "nothing is tried for that");
            assert_eq!(ways.choice(), Way::Buffered);
            ways.add(Way::Buffered, TRIAL, Duration::from_secs(1));
            assert_eq!(ways.choice(), Way::Mapped, "direct was in use");
            let faster = Duration::from_millis(300);
            ways.add(Way::Mapped, TRIAL, faster);
            assert_eq!(ways.choice(), Way::Mapped);
        }
    }

    #[test]
    fn what_somebody_says_is_kept_to() {
        let all =
            [(Io::Buffered, Way::Buffered), (Io::Direct, Way::Direct), (Io::Mmap, Way::Mapped)];
        for (io, way) in all {
            let ways = Ways::new(io, 0);
            for other in Way::ALL {
                ways.add(other, TRIAL, Duration::from_secs(1));
            }
            ways.refuse(way);
            assert_eq!(ways.choice(), way, "a read finds another way itself");
        }
    }
}
