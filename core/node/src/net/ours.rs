//! What a follower asks of our chain.

use spacetime_protocol::BlockHash;
use spacetime_protocol::wire::Ours;

use crate::Service;
use crate::store::StoreError;

impl Ours for Service {
    type Error = StoreError;

    fn tip(&self) -> Result<(BlockHash, u64), StoreError> {
        let tip = Service::tip(self)?.header;
        Ok((tip.hash(), tip.height))
    }

    fn height_of(&self, hash: &BlockHash) -> Result<Option<u64>, StoreError> {
        Ok(self.header(hash)?.map(|stored| stored.header.height))
    }

    fn locator(&self) -> Result<Vec<BlockHash>, StoreError> {
        Service::locator(self)
    }
}
