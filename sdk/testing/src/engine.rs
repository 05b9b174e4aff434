//! An engine, compared with the naive score of the protocol.

use std::sync::atomic::AtomicBool;

use spacetime_conformance::{leaves, lowest};
use spacetime_sdk_loader::{Engine, Fault, abi::BestLeaf};

/// An opened engine.
pub struct TestedEngine(pub(crate) Engine);

impl TestedEngine {
    /// What it finds under a bound.
    ///
    /// # Errors
    ///
    /// The engine's; or a claim that cannot be true.
    pub fn scan(
        &self,
        challenge: &[u8; 32],
        leaves: &[u8],
        bound: &[u8; 32],
    ) -> Result<Option<BestLeaf>, Fault> {
        self.0.scan(challenge, leaves, bound, &AtomicBool::new(false))
    }

    /// Compares what it finds with [`lowest`] on batches of many lengths, with
    /// loose, exact and unreachable bounds.
    ///
    /// # Panics
    ///
    /// If they differ anywhere, or the engine fails.
    pub fn assert_agrees_with_the_oracle(&self) {
        for count in (0..=70).chain([255, 256, 257, 1000]) {
            let batch = leaves(count);
            let challenge = [count.to_le_bytes()[0]; 32];
            let all = lowest(&challenge, &batch, &[0xFF; 32]);
            // A score equal to the bound does not count.
            let bounds = [Some([0xFF; 32]), all.map(|best| best.score), Some([0; 32])];
            for bound in bounds.into_iter().flatten() {
                let expected = lowest(&challenge, &batch, &bound);
                match self.scan(&challenge, &batch, &bound) {
                    Ok(found) => assert_eq!(found, expected, "of {count} leaves under {bound:?}"),
                    Err(fault) => panic!("the engine fails on {count} leaves: {fault}"),
                }
            }
        }
    }
}
