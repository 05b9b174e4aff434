//! The config: a preset of the reference miner, its numbers, or both.

use serde::{Deserialize, Deserializer};
use spacetime_sdk::{Error, Result};

/// The config as the manifest has it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Where the numbers that are not given come from.
    preset: Preset,
    /// Leaves per block.
    #[serde(deserialize_with = "some")]
    block_size: Option<u64>,
    /// How many of them are scanned.
    #[serde(deserialize_with = "some")]
    leaves_per_block: Option<u64>,
}

/// The reference miner's presets.
#[derive(Clone, Copy, Default, Deserialize)]
enum Preset {
    /// Whole blocks that fit a second-level cache.
    #[default]
    L2,
    /// Whole blocks that fit a third-level cache.
    L3,
    /// A sample of each block that fits a second-level cache.
    Sampling {
        #[serde(default = "default_samples")]
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
        let preset = self.preset.shape()?;
        let shape = Shape {
            block_size: self.block_size.unwrap_or(preset.block_size),
            leaves_per_block: self.leaves_per_block.unwrap_or(preset.leaves_per_block),
        };
        if shape.block_size == 0 || shape.block_size > i32::MAX as u64 {
            return Err(Error::field("block_size", "must be between 1 and 2147483647"));
        }
        if shape.leaves_per_block == 0 || shape.leaves_per_block > shape.block_size {
            let must = format!("must be between 1 and block_size, {}", shape.block_size);
            return Err(Error::field("leaves_per_block", must));
        }
        Ok(shape)
    }
}

impl Preset {
    fn shape(self) -> Result<Shape> {
        let (block_size, leaves_per_block) = match self {
            Self::L2 => (8192, 8192),
            Self::L3 => (32768, 32768),
            Self::Sampling { samples_per_block: 0 } => {
                return Err(Error::field("preset.samples_per_block", "must be at least 1"));
            }
            Self::Sampling { samples_per_block } => (8192, samples_per_block.min(8192)),
        };
        Ok(Shape { block_size, leaves_per_block })
    }
}
