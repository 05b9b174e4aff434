//! Who descends from whom: ancestors on any branch, forks, and the header
//! runs that followers ask for.

use spacetime_protocol::BlockHash;
use spacetime_protocol::chain;
use spacetime_protocol::header::BlockHeader;
use spacetime_protocol::network::Network;

use crate::store::{Snapshot, StoreError, StoredHeader};

/// Fewest headers of an anchor: a follower can then answer for the last
/// thousand blocks, whatever the adjustment interval.
const MIN_ANCHOR: u64 = 1000;
/// Newest blocks of a locator that are without gaps.
const LOCATOR_DENSE: usize = 10;

/// How a new block is connected with the best chain.
pub(super) struct Branch {
    /// Height of the last block that both have.
    pub(super) fork_height: u64,
    /// The stored blocks between the fork and the new block, oldest first.
    pub(super) hashes: Vec<BlockHash>,
}

/// The branch of a new block whose parent is stored. `None`: it leaves the
/// best chain where that cannot be undone any more.
pub(super) fn branch(
    snapshot: &Snapshot,
    new: &BlockHeader,
    tip: &StoredHeader,
    max_depth: u64,
) -> Result<Option<Branch>, StoreError> {
    let header = |hash: &_| snapshot.header(hash).map(|stored| stored.map(|stored| stored.header));
    let branch = walk(new, header, |height, hash| snapshot.is_best(height, hash))?;
    // What is missing was pruned, being too deep.
    let Some(branch) = branch else { return Ok(None) };
    let depth = tip.header.height.saturating_sub(branch.fork_height);
    // After a change to a shorter chain, less than the full depth can be undone.
    if depth > max_depth || (depth > 0 && !snapshot.can_undo(branch.fork_height + 1)?) {
        return Ok(None);
    }
    Ok(Some(branch))
}

/// Goes from a block's parent down to the first block that `is_best`. `None`:
/// a header is missing on the way.
pub(super) fn walk<E>(
    new: &BlockHeader,
    header: impl Fn(&BlockHash) -> Result<Option<BlockHeader>, E>,
    is_best: impl Fn(u64, &BlockHash) -> Result<bool, E>,
) -> Result<Option<Branch>, E> {
    let mut hashes = Vec::new();
    let mut at = new.parent;
    loop {
        let Some(header) = header(&at)? else { return Ok(None) };
        if is_best(header.height, &at)? {
            hashes.reverse();
            return Ok(Some(Branch { fork_height: header.height, hashes }));
        }
        hashes.push(at);
        at = header.parent;
    }
}

/// Difficulty of the block after a stored one, on any branch.
pub(super) fn next_difficulty(
    snapshot: &Snapshot,
    network: &Network,
    parent: &StoredHeader,
) -> Result<u64, StoreError> {
    let mut failed = None;
    let timestamp_at = |height| match ancestor(snapshot, &parent.header, height) {
        Ok(header) => header.map(|header| header.timestamp),
        Err(error) => {
            failed = Some(error);
            None
        }
    };
    let difficulty = chain::next_difficulty(network, &parent.header, timestamp_at);
    match (difficulty, failed) {
        (_, Some(error)) => Err(error),
        (Some(difficulty), None) => Ok(difficulty),
        (None, None) => {
            let height = parent.header.height;
            Err(snapshot.damaged(format!("ancestors of the block at height {height} are missing")))
        }
    }
}

/// The ancestor of a stored header (or itself) at a height.
fn ancestor(
    snapshot: &Snapshot,
    from: &BlockHeader,
    height: u64,
) -> Result<Option<BlockHeader>, StoreError> {
    let (mut hash, mut header) = (from.hash(), from.clone());
    while header.height > height {
        if snapshot.is_best(header.height, &hash)? {
            let Some(hash) = snapshot.best_at(height)? else { return Ok(None) };
            return snapshot.known_header(&hash).map(|stored| Some(stored.header));
        }
        hash = header.parent;
        let Some(stored) = snapshot.header(&hash)? else { return Ok(None) };
        header = stored.header;
    }
    Ok((header.height == height).then_some(header))
}

/// The best chain's last headers, oldest first: enough of them to derive
/// difficulties and to follow forks.
pub(crate) fn anchor(
    snapshot: &Snapshot,
    network: &Network,
) -> Result<Vec<BlockHeader>, StoreError> {
    let tip = snapshot.known_header(&snapshot.tip()?)?.header.height;
    let count = network.adjustment.interval.saturating_mul(2).max(MIN_ANCHOR);
    best_headers(snapshot, tip.saturating_sub(count), u64::MAX)
}

/// At most `limit` headers of the best chain after the first of the given
/// hashes that is known, or after where its branch leaves the best chain,
/// oldest first. `None`: none of them is known.
pub(crate) fn headers_after(
    snapshot: &Snapshot,
    locator: &[BlockHash],
    limit: u64,
) -> Result<Option<Vec<BlockHeader>>, StoreError> {
    for hash in locator {
        if let Some(height) = best_height(snapshot, hash)? {
            return best_headers(snapshot, height + 1, limit).map(Some);
        }
    }
    Ok(None)
}

/// At most `limit` headers of the best chain after a block of it, oldest
/// first, `stop` the last one if it is met; zeros stand for the genesis block.
/// None where the block is not on the best chain (`wire.md` section 5).
pub(crate) fn page(
    snapshot: &Snapshot,
    locator: &BlockHash,
    stop: Option<&BlockHash>,
    limit: u64,
) -> Result<Vec<BlockHeader>, StoreError> {
    let height = if locator.is_zero() {
        0
    } else {
        let Some(stored) = snapshot.header(locator)? else { return Ok(Vec::new()) };
        if !snapshot.is_best(stored.header.height, locator)? {
            return Ok(Vec::new());
        }
        stored.header.height
    };
    let mut headers = Vec::new();
    for at in height.saturating_add(1)..=height.saturating_add(limit) {
        let Some(hash) = snapshot.best_at(at)? else { break };
        headers.push(snapshot.known_header(&hash)?.header);
        if stop == Some(&hash) {
            break;
        }
    }
    Ok(headers)
}

/// Hashes of the best chain, newest first: the last ones, then at doubling
/// distances, the genesis block's at the end.
pub(crate) fn locator(snapshot: &Snapshot) -> Result<Vec<BlockHash>, StoreError> {
    let mut height = snapshot.known_header(&snapshot.tip()?)?.header.height;
    let mut hashes = Vec::new();
    let mut step = 1;
    loop {
        let hash = snapshot.best_at(height)?;
        hashes.extend(hash);
        if height == 0 {
            return Ok(hashes);
        }
        if hashes.len() >= LOCATOR_DENSE {
            step *= 2;
        }
        height = height.saturating_sub(step);
    }
}

/// Height of the closest ancestor (or itself) on the best chain.
fn best_height(snapshot: &Snapshot, hash: &BlockHash) -> Result<Option<u64>, StoreError> {
    let mut at = *hash;
    while let Some(stored) = snapshot.header(&at)? {
        if snapshot.is_best(stored.header.height, &at)? {
            return Ok(Some(stored.header.height));
        }
        at = stored.header.parent;
    }
    Ok(None)
}

fn best_headers(
    snapshot: &Snapshot,
    from: u64,
    limit: u64,
) -> Result<Vec<BlockHeader>, StoreError> {
    let mut headers = Vec::new();
    for height in from..from.saturating_add(limit) {
        let Some(hash) = snapshot.best_at(height)? else { break };
        headers.push(snapshot.known_header(&hash)?.header);
    }
    Ok(headers)
}
