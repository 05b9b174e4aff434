//! Which network's a chain is.

use std::path::Path;

use spacetime_protocol::BlockHash;
use spacetime_protocol::network::Network;

use super::error::StoreError;
use super::rules::Rules;

/// Which network's a chain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The network's id.
    pub id: String,
    /// Hash of its genesis block.
    pub genesis: BlockHash,
    /// Its rules; `None`: an earlier version keeps the chain, and does not say.
    pub rules: Option<Rules>,
}

impl Origin {
    /// Refuses a directory's chain of another network, or of other rules.
    pub(crate) fn check(self, directory: &Path, network: &Network) -> Result<(), StoreError> {
        let directory = directory.to_owned();
        let expected_genesis = network.genesis_hash();
        if (self.genesis, &self.id) != (expected_genesis, &network.id) {
            return Err(StoreError::OtherNetwork {
                directory,
                found_id: self.id,
                found_genesis: self.genesis,
                expected_id: network.id.clone(),
                expected_genesis,
            });
        }
        let asked = Rules::of(network);
        let differences = self.rules.map_or(Vec::new(), |found| found.differences(&asked));
        if differences.is_empty() {
            return Ok(());
        }
        Err(StoreError::OtherRules { directory, network: self.id, differences })
    }
}
