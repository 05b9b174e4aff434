//! The strategy `sampling`: evenly spaced leaves, exactly those that the
//! reference miner looks at (`miner-behaviour.md` section 6).

#![deny(unsafe_code)]

use serde::Deserialize;
use spacetime_sdk::{Job, Plan, Plot, Result, Schema, Spans, Strategy, tracing};

#[derive(Deserialize, Schema)]
#[serde(default)]
struct Config {
    /// Leaves of each plot; a plot with fewer is scanned whole.
    #[schema(min = 1, max = i32::MAX, default = 10_000)]
    sample_size: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { sample_size: 10_000 }
    }
}

struct Sampling {
    sample_size: u64,
    sample: Sample,
}

/// The sample of one plot: `count` leaves, `step` apart; all if `step` is 1.
struct Sample {
    next: u64,
    count: u64,
    step: f64,
}

impl Sample {
    /// Shapes: `leaf_count` leaves, of which `size` are wanted.
    fn new(leaf_count: u64, size: u64) -> Self {
        if size >= leaf_count {
            return Self { next: 0, count: leaf_count, step: 1.0 };
        }
        // Both are far below 2^53 in any real plot; the reference rounds too.
        Self { next: 0, count: size, step: leaf_count as f64 / size as f64 }
    }

    /// The reference rounds this product once; integers would differ.
    fn leaf(&self, position: u64) -> u64 {
        if self.step == 1.0 { position } else { (position as f64 * self.step) as u64 }
    }
}

impl Strategy for Sampling {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        tracing::debug!(sample_size = config.sample_size, "Sampling({})", config.sample_size);
        Ok(Self { sample_size: config.sample_size, sample: Sample::new(1, 1) })
    }

    fn begin(&mut self, _job: &Job, plot: &Plot) -> Result<()> {
        self.sample = Sample::new(plot.leaf_count, self.sample_size);
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        let sample = &mut self.sample;
        if sample.step == 1.0 && sample.next < sample.count {
            if !spans.push(0, sample.count) {
                return Ok(Plan::More);
            }
            sample.next = sample.count;
        }
        while sample.next < sample.count {
            if !spans.push(sample.leaf(sample.next), 1) {
                return Ok(Plan::More);
            }
            sample.next += 1;
        }
        Ok(Plan::Done)
    }

    fn estimate(&mut self, plot: &Plot) -> Result<u64> {
        Ok(self.sample_size.min(plot.leaf_count))
    }
}

spacetime_sdk::export_plugin! {
    strategy "sampling": Sampling, "An even sample of each plot";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rounding_trap_of_the_specification() {
        let sample = Sample::new(30, 22);
        let leaves: Vec<u64> = (0..sample.count).map(|i| sample.leaf(i)).collect();
        assert_eq!(leaves[..12], [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14]);
        assert_eq!(leaves.len(), 22);
    }

    #[test]
    fn a_sample_larger_than_the_plot_is_the_plot() {
        let sample = Sample::new(5, 10_000);
        assert_eq!((sample.count, sample.leaf(4)), (5, 4));
    }
}
