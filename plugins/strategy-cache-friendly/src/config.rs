//! The config: a preset of the reference miner, its numbers, or both.

use serde::{Deserialize, Deserializer};
use spacetime_sdk::{Error, Result, Schema};

/// The config as the manifest has it.
#[derive(Default, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Config {
    /// Where the numbers that are not given come from.
    #[schema(default = L2)]
    preset: Preset,
    /// Leaves per block; the preset's if it is not given.
    #[serde(deserialize_with = "some")]
    #[schema(as = u64, min = 1, max = i32::MAX)]
    block_size: Option<u64>,
    /// Leaves scanned of each block, no more than it has; the preset's if it is
    /// not given.
    #[serde(deserialize_with = "some")]
    #[schema(as = u64, min = 1)]
    leaves_per_block: Option<u64>,
}

/// The reference miner's presets.
#[derive(Clone, Copy, Default, Deserialize, Schema)]
enum Preset {
    /// Whole blocks that fit a second-level cache.
    #[default]
    L2,
    /// Whole blocks that fit a third-level cache.
    L3,
    /// A sample of each block that fits a second-level cache.
    Sampling {
        /// Leaves scanned of each block of 8192.
        #[serde(default = "default_samples")]
        #[schema(min = 1, default = 1024)]
        samples_per_block: u64,
    },
}

/// What the config comes to.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) block_size: u64,
    pub(crate) leaves_per_block: u64,
}

fn default_samples() -> u64 {
    1024
}

/// A number that may be left out, but needs no `Some(...)` in the manifest.
fn some<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Option<u64>, D::Error> {
    u64::deserialize(value).map(Some)
}

impl Config {
    /// The numbers, within their ranges.
    pub(crate) fn shape(&self) -> Result<Shape> {
        let preset = self.preset.shape();
        let shape = Shape {
            block_size: self.block_size.unwrap_or(preset.block_size),
            leaves_per_block: self.leaves_per_block.unwrap_or(preset.leaves_per_block),
        };
        if shape.leaves_per_block > shape.block_size {
            let must = format!("must be between 1 and block_size, {}", shape.block_size);
            return Err(Error::field("leaves_per_block", must));
        }
        Ok(shape)
    }
}

impl Preset {
    fn shape(self) -> Shape {
        let (block_size, leaves_per_block) = match self {
            Self::L2 => (8192, 8192),
            Self::L3 => (32768, 32768),
            Self::Sampling { samples_per_block } => (8192, samples_per_block.min(8192)),
        };
        Shape { block_size, leaves_per_block }
    }
}
