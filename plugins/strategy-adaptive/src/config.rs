//! The config: what scanning may cost, and what it must promise.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use spacetime_sdk::{Error, Result};

/// Leaves in a gibibyte.
const LEAVES_PER_GIB: f64 = (1 << 25) as f64;

const JOULES_PER_KWH: f64 = 3.6e6;

/// The config as the manifest has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    /// The chance of a scan to win anything below which it is left out.
    pub(crate) min_win_chance: f64,
    /// What reading and hashing takes.
    joules_per_gib: f64,
    /// The most that scanning may draw, on average over the time that a scan has.
    #[serde(deserialize_with = "some")]
    pub(crate) max_watts: Option<f64>,
    /// The most that may be spent, on average, per win.
    #[serde(deserialize_with = "some")]
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
    /// Itself, if all numbers are within their ranges.
    pub(crate) fn checked(self) -> Result<Self> {
        if !(0.0..=1.0).contains(&self.min_win_chance) {
            return Err(Error::field("min_win_chance", "must be between 0 and 1"));
        }
        let positive = |field, number: Option<f64>| match number {
            Some(number) if !number.is_finite() || number <= 0.0 => {
                Err(Error::field(field, "must be a number above 0"))
            }
            _ => Ok(()),
        };
        positive("joules_per_gib", Some(self.joules_per_gib))?;
        positive("max_watts", self.max_watts)?;
        positive("max_kwh_per_win", self.max_kwh_per_win)?;
        Ok(self)
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
