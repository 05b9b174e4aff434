//! The config: what scanning may cost, and what it must promise.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use spacetime_sdk::{Error, Result, Schema};

/// Leaves in a gibibyte.
const LEAVES_PER_GIB: f64 = (1 << 25) as f64;

const JOULES_PER_KWH: f64 = 3.6e6;

/// The config as the manifest has it.
#[derive(Clone, Debug, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Config {
    /// The chance of a scan to win anything below which it is left out.
    #[schema(min = 0, max = 1, default = 1e-9)]
    pub(crate) min_win_chance: f64,
    /// What reading and hashing a GiB takes, drives and processor together.
    #[schema(above = 0, default = 10.0)]
    joules_per_gib: f64,
    /// The most that scanning may draw, on average over the time that a scan has.
    #[serde(deserialize_with = "some")]
    #[schema(as = f64, above = 0)]
    pub(crate) max_watts: Option<f64>,
    /// The most that may be spent, on average, per win.
    #[serde(deserialize_with = "some")]
    #[schema(as = f64, above = 0)]
    pub(crate) max_kwh_per_win: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self { min_win_chance: 1e-9, joules_per_gib: 10.0, max_watts: None, max_kwh_per_win: None }
    }
}

/// A number that may be left out, but needs no `Some(...)` in the manifest.
fn some<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Option<f64>, D::Error> {
    f64::deserialize(value).map(Some)
}

impl Config {
    /// Itself, if no number is infinite.
    pub(crate) fn checked(self) -> Result<Self> {
        let numbers = [
            ("joules_per_gib", Some(self.joules_per_gib)),
            ("max_watts", self.max_watts),
            ("max_kwh_per_win", self.max_kwh_per_win),
        ];
        match numbers.iter().find(|(_, number)| number.is_some_and(f64::is_infinite)) {
            Some((field, _)) => Err(Error::field(field, "must be finite")),
            None => Ok(self),
        }
    }

    /// How many leaves the power budget allows in this time, if there is one.
    pub(crate) fn leaves_within(&self, time: Option<Duration>) -> Option<u64> {
        let (watts, time) = self.max_watts.zip(time)?;
        Some(self.leaves_for(watts * time.as_secs_f64()))
    }

    /// How many leaves so many joules are enough for.
    fn leaves_for(&self, joules: f64) -> u64 {
        // Saturates.
        (joules / self.joules_per_gib * LEAVES_PER_GIB) as u64
    }

    /// What a win takes on average if every leaf wins with this chance.
    pub(crate) fn kwh_per_win(&self, chance_of_leaf: f64) -> f64 {
        self.joules_per_gib / LEAVES_PER_GIB / chance_of_leaf / JOULES_PER_KWH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_counted_in_leaves_of_32_bytes() {
        let config = Config { joules_per_gib: 8.0, ..Config::default() };
        assert_eq!(config.leaves_for(16.0), 2 << 25);
        assert_eq!(config.leaves_for(f64::MAX), u64::MAX);
        let second = Some(Duration::from_secs(1));
        assert_eq!((config.leaves_within(second), config.leaves_within(None)), (None, None));
        let config = Config { max_watts: Some(4.0), ..config };
        assert_eq!(config.leaves_within(second), Some(1 << 24));
        // A win in 2^25 leaves takes a gibibyte.
        let kwh = config.kwh_per_win(1.0 / LEAVES_PER_GIB);
        assert!((kwh * JOULES_PER_KWH - 8.0).abs() < 1e-9, "{kwh}");
    }
}
