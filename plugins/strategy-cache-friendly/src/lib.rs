//! The strategy `cache-friendly`: some leaves of every block of leaves,
//! exactly those of the reference miner (`miner-behaviour.md` section 6).

#![deny(unsafe_code)]

mod config;

use spacetime_sdk::{Job, Plan, Plot, Result, Spans, Strategy, tracing};

use config::{Config, Shape};

struct CacheFriendly {
    shape: Shape,
    leaf_count: u64,
    /// First leaf of the current block.
    block: u64,
    /// Position within the current block's sample.
    position: u64,
}

/// The leaf at a position of a block's sample: `count` of `len` leaves.
fn leaf(len: u64, count: u64, position: u64) -> u64 {
    let step = len as f64 / count as f64;
    (position as f64 * step) as u64
}

impl CacheFriendly {
    /// Leaves in the current block, and how many of them are scanned.
    fn current(&self) -> (u64, u64) {
        let len = self.shape.block_size.min(self.leaf_count - self.block);
        (len, self.shape.leaves_per_block.min(len))
    }

    fn next_block(&mut self) {
        self.block += self.current().0;
        self.position = 0;
    }
}

impl Strategy for CacheFriendly {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        let shape = config.shape()?;
        let Shape { block_size, leaves_per_block } = shape;
        tracing::debug!(
            block_size,
            leaves_per_block,
            "CacheFriendly(block={block_size},scan={leaves_per_block})"
        );
        Ok(Self { shape, leaf_count: 0, block: 0, position: 0 })
    }

    fn begin(&mut self, _job: &Job, plot: &Plot) -> Result<()> {
        (self.leaf_count, self.block, self.position) = (plot.leaf_count, 0, 0);
        Ok(())
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        while self.block < self.leaf_count {
            let (len, count) = self.current();
            if count == len {
                if !spans.push(self.block, len) {
                    return Ok(Plan::More);
                }
            } else {
                while self.position < count {
                    if !spans.push(self.block + leaf(len, count, self.position), 1) {
                        return Ok(Plan::More);
                    }
                    self.position += 1;
                }
            }
            self.next_block();
        }
        Ok(Plan::Done)
    }

    fn estimate(&mut self, plot: &Plot) -> Result<u64> {
        let whole = plot.leaf_count / self.shape.block_size;
        let rest = plot.leaf_count % self.shape.block_size;
        Ok(whole * self.shape.leaves_per_block + rest.min(self.shape.leaves_per_block))
    }
}

spacetime_sdk::export_plugin! {
    strategy "cache-friendly": CacheFriendly,
        "Some leaves of every block; config (preset: L2, block_size: 8192, leaves_per_block: 8192)";
}
