//! The host's own view of the chain: headers from transports, checked.

use spacetime_protocol::{
    BlockHash,
    chain::{ChainHeader, HeaderChain, InsertError, Inserted},
    header::BlockHeader,
    network::Network,
    validity::Expected,
};

use crate::engine::event::Now;

/// The chain that is followed.
pub(super) struct Following {
    chain: HeaderChain,
    /// The transport whose word the chain began with.
    anchored_by: Option<usize>,
}

/// What came of a list of headers.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Headers that were not known.
    pub(super) new: usize,
    /// Whether all of them are known now.
    pub(super) complete: bool,
    /// Whether headers before them are missing.
    pub(super) missing: bool,
    /// The rule that one of them breaks.
    pub(super) error: Option<String>,
}

impl Following {
    pub(super) fn new(network: &Network) -> Self {
        Self { chain: HeaderChain::new(network), anchored_by: None }
    }

    pub(super) fn tip(&self) -> &ChainHeader {
        self.chain.tip()
    }

    /// Whether the best chain, as far back as it is kept, contains a block.
    pub(super) fn contains(&self, height: u64, hash: &BlockHash) -> bool {
        self.hash_at(height).is_some_and(|there| there == *hash)
    }

    /// The best chain's block at a height that is kept.
    pub(super) fn hash_at(&self, height: u64) -> Option<BlockHash> {
        self.chain.best_at(height).map(|block| block.hash)
    }

    /// Whether a block would become the tip: it is higher, and follows a block
    /// that is known, on whichever branch.
    pub(super) fn is_led_by(&self, height: u64, parent: &BlockHash) -> bool {
        height > self.tip().header.height && self.chain.get(parent).is_some()
    }

    pub(super) fn expected(&self, network: &Network, epoch: u64) -> Expected {
        self.chain.expected(network, epoch)
    }

    pub(super) fn locator(&self) -> Vec<BlockHash> {
        self.chain.locator()
    }

    /// Takes headers, oldest first, up to the first that is not valid.
    pub(super) fn take(
        &mut self,
        network: &Network,
        source: usize,
        anchor: bool,
        headers: Vec<BlockHeader>,
        now: Now,
    ) -> Taken {
        if anchor && self.must_restart(source, &headers) {
            return self.restart(network, source, headers);
        }
        let mut taken = Taken::default();
        for header in headers {
            match self.chain.insert(network, header, now.seconds()) {
                Ok(Inserted::Known) => {}
                Ok(Inserted::NewTip | Inserted::Side) => taken.new += 1,
                Err(InsertError::Orphan { .. }) => {
                    taken.missing = true;
                    return taken;
                }
                Err(error) => {
                    taken.error = Some(error.to_string());
                    return taken;
                }
            }
        }
        taken.complete = true;
        taken
    }

    /// Whether vouched headers do not continue this chain and may replace it:
    /// they come from whom the chain came from, or reach higher.
    fn must_restart(&self, source: usize, headers: &[BlockHeader]) -> bool {
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else { return false };
        let known = |hash: &BlockHash| self.chain.get(hash).is_some();
        if known(&first.parent) || known(&first.hash()) {
            return false;
        }
        self.anchored_by == Some(source) || last.height > self.chain.tip().header.height
    }

    fn restart(&mut self, network: &Network, source: usize, headers: Vec<BlockHeader>) -> Taken {
        let new = headers.len();
        match HeaderChain::anchored(network, headers) {
            Ok(chain) => {
                *self = Self { chain, anchored_by: Some(source) };
                Taken { new, complete: true, ..Taken::default() }
            }
            Err(error) => Taken { error: Some(error.to_string()), ..Taken::default() },
        }
    }
}
