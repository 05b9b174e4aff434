//! The headers that were checked, with forks near the tip, in bounded memory.
//!
//! Kept are the last [`KEPT`] headers of the best chain, branches that begin within
//! [`FORK_DEPTH`] of its tip (at most [`MAX_SIDES`] headers of them), and of what was dropped the
//! timestamps that the next adjustment of difficulty needs.

use std::collections::{HashMap, HashSet, VecDeque};

use thiserror::Error;

use super::{ChainHeader, FORK_DEPTH, expected, is_better, next_difficulty};
use crate::{
    BlockHash,
    header::BlockHeader,
    keys,
    network::Network,
    validity::{self, BlockError, BlockErrorKind, Expected, Rules},
};

/// Headers of the best chain that are kept.
const KEPT: usize = 1000 + FORK_DEPTH as usize;
/// Headers beside the best chain that are kept: signing headers costs nothing, so somebody may
/// send any number of them.
const MAX_SIDES: usize = 1000;
/// Timestamps of dropped headers at the beginnings of intervals that are kept.
const BOUNDARIES: usize = 2;

/// Headers that were checked, with forks near the tip; memory is bounded.
#[derive(Clone, Debug)]
pub struct HeaderChain {
    headers: HashMap<BlockHash, ChainHeader>,
    tip: ChainHeader,
    /// Hashes of the best chain, the lowest (at height `lowest`) first.
    best: VecDeque<BlockHash>,
    lowest: u64,
    /// (Height, timestamp) of dropped headers of the best chain.
    boundaries: VecDeque<(u64, u64)>,
}

/// What became of a header that was given to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is the new tip.
    NewTip,
    /// It is on a branch that is not the best.
    Side,
    /// It was known.
    Known,
}

/// Why a header was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InsertError {
    /// Its parent is not known: headers are missing.
    #[error("the parent {parent} of header {hash} is not known")]
    Orphan {
        /// The header.
        hash: BlockHash,
        /// Its parent.
        parent: BlockHash,
    },
    /// It branches off too far below the tip.
    #[error("header {hash} branches off below the last {depth} blocks")]
    TooDeep {
        /// The header.
        hash: BlockHash,
        /// How far back branches may start.
        depth: u64,
    },
    /// It breaks a rule.
    #[error("header {hash}: {error}")]
    Invalid {
        /// The header.
        hash: BlockHash,
        /// The rule.
        error: BlockError,
    },
    /// An anchor begins with a genesis block that is not the network's.
    #[error("{hash} is not the network's genesis block {genesis}")]
    OtherGenesis {
        /// The header.
        hash: BlockHash,
        /// The network's.
        genesis: BlockHash,
    },
    /// An anchor does not reach back far enough to derive difficulties.
    #[error("the headers do not reach back to height {needed}")]
    TooFew {
        /// Height of the first header that is needed.
        needed: u64,
    },
}

impl HeaderChain {
    /// A chain of the network's genesis block alone.
    pub fn new(network: &Network) -> Self {
        Self::starting_at(network.genesis.header.clone())
    }

    /// Starts over from headers that somebody vouches for, oldest first, each the next one's
    /// parent: from genesis on, or from the block whose timestamp the next adjustment of
    /// difficulty needs (one adjustment interval and one more are always enough). Rules that need
    /// older headers are not applied to the first ones; weight is counted from the first.
    ///
    /// # Errors
    /// They are not linked, not valid, or too few.
    pub fn anchored(network: &Network, headers: Vec<BlockHeader>) -> Result<Self, InsertError> {
        let mut headers = headers.into_iter();
        let Some(first) = headers.next() else {
            return Err(InsertError::TooFew { needed: 0 });
        };
        check_first(network, &first)?;
        let mut chain = Self::starting_at(first);
        for header in headers {
            chain.append(network, header)?;
        }
        let needed = needed_for_next(network, chain.tip.header.height);
        if chain.timestamp_at(&chain.tip, needed).is_none() {
            return Err(InsertError::TooFew { needed });
        }
        Ok(chain)
    }

    /// Checks a header and takes it; `now` in Unix seconds. That its score lies under its target
    /// is checked too, but only the block's proof shows that the score is true.
    ///
    /// # Errors
    /// See [`InsertError`]; the chain is unchanged then.
    pub fn insert(
        &mut self,
        network: &Network,
        header: BlockHeader,
        now: u64,
    ) -> Result<Inserted, InsertError> {
        let hash = header.hash();
        if self.headers.contains_key(&hash) {
            return Ok(Inserted::Known);
        }
        let parent = self.find_parent(&hash, &header)?;
        let too_deep = InsertError::TooDeep { hash, depth: FORK_DEPTH };
        let difficulty = self.next_difficulty(network, &parent.hash).ok_or(too_deep)?;
        let entry = check_child(network, parent, header, difficulty, now)?;
        Ok(self.take(network, entry))
    }

    /// The best chain's last block.
    pub fn tip(&self) -> &ChainHeader {
        &self.tip
    }

    /// A known header.
    pub fn get(&self, hash: &BlockHash) -> Option<&ChainHeader> {
        self.headers.get(hash)
    }

    /// The best chain's block at a height, as far as it is kept.
    pub fn best_at(&self, height: u64) -> Option<&ChainHeader> {
        let place = usize::try_from(height.checked_sub(self.lowest)?).ok()?;
        self.headers.get(self.best.get(place)?)
    }

    /// Difficulty of the block after a known one; `None` if it is not known or branches off below
    /// what an anchored chain began with.
    pub fn next_difficulty(&self, network: &Network, parent: &BlockHash) -> Option<u64> {
        let parent = self.get(parent)?;
        next_difficulty(network, &parent.header, |height| self.timestamp_at(parent, height))
    }

    /// What a block on the tip that claims an epoch must say: see [`expected`].
    pub fn expected(&self, network: &Network, epoch: u64) -> Expected {
        let ChainHeader { header, hash, .. } = &self.tip;
        let difficulty = self
            .next_difficulty(network, hash)
            .expect("the chain begins early enough for its tip, or was refused");
        expected(network, header, hash, difficulty, epoch)
    }

    /// Hashes for a request for headers: newest first, at growing distances, the oldest known
    /// last.
    pub fn locator(&self) -> Vec<BlockHash> {
        let mut locator = Vec::new();
        let mut step = 1;
        let mut place = self.best.len() - 1;
        while place > 0 {
            locator.push(self.best[place]);
            if locator.len() >= 10 {
                step *= 2;
            }
            place = place.saturating_sub(step);
        }
        locator.push(self.best[0]);
        locator
    }

    fn starting_at(header: BlockHeader) -> Self {
        let (hash, total_difficulty) = (header.hash(), u128::from(header.difficulty));
        let tip = ChainHeader { header, hash, total_difficulty };
        Self {
            headers: HashMap::from([(hash, tip.clone())]),
            best: VecDeque::from([hash]),
            lowest: tip.header.height,
            boundaries: VecDeque::new(),
            tip,
        }
    }

    /// Adds a header that is vouched for to the tip.
    fn append(&mut self, network: &Network, header: BlockHeader) -> Result<(), InsertError> {
        let (hash, parent) = (header.hash(), header.parent);
        if parent != self.tip.hash {
            return Err(InsertError::Orphan { hash, parent });
        }
        let difficulty = self.next_difficulty(network, &parent).unwrap_or(header.difficulty);
        let entry = check_child(network, &self.tip, header, difficulty, u64::MAX)?;
        self.headers.insert(hash, entry.clone());
        self.switch_to(entry);
        self.drop_oldest(network);
        Ok(())
    }

    /// The parent, if a branch may go on from it.
    fn find_parent(
        &self,
        hash: &BlockHash,
        header: &BlockHeader,
    ) -> Result<&ChainHeader, InsertError> {
        let deepest = self.tip.header.height.saturating_sub(FORK_DEPTH);
        let too_deep = InsertError::TooDeep { hash: *hash, depth: FORK_DEPTH };
        match self.headers.get(&header.parent) {
            None if header.height <= deepest => Err(too_deep),
            None => Err(InsertError::Orphan { hash: *hash, parent: header.parent }),
            Some(parent) => match self.fork(parent) {
                Some(fork) if fork.header.height >= deepest => Ok(parent),
                _ => Err(too_deep),
            },
        }
    }

    fn is_best(&self, entry: &ChainHeader) -> bool {
        self.best_at(entry.header.height).is_some_and(|best| best.hash == entry.hash)
    }

    /// Where the branch of a known header leaves the best chain.
    fn fork<'a>(&'a self, entry: &'a ChainHeader) -> Option<&'a ChainHeader> {
        let mut at = entry;
        while !self.is_best(at) {
            at = self.headers.get(&at.header.parent)?;
        }
        Some(at)
    }

    /// Timestamp of the ancestor of a known header at a height.
    fn timestamp_at(&self, entry: &ChainHeader, height: u64) -> Option<u64> {
        let mut at = entry;
        while at.header.height > height && !self.is_best(at) {
            at = self.headers.get(&at.header.parent)?;
        }
        if at.header.height <= height {
            return (at.header.height == height).then_some(at.header.timestamp);
        }
        let dropped =
            || self.boundaries.iter().find(|(at, _)| *at == height).map(|(_, time)| *time);
        self.best_at(height).map(|best| best.header.timestamp).or_else(dropped)
    }

    fn take(&mut self, network: &Network, entry: ChainHeader) -> Inserted {
        let hash = entry.hash;
        self.headers.insert(hash, entry.clone());
        if !is_better(network, &entry, &self.tip) {
            self.limit_sides(hash);
            return Inserted::Side;
        }
        self.switch_to(entry);
        self.drop_oldest(network);
        self.drop_stale_sides();
        self.limit_sides(hash);
        Inserted::NewTip
    }

    /// Makes a known header the tip; its branch leaves the best chain within what is kept.
    fn switch_to(&mut self, entry: ChainHeader) {
        let mut branch = Vec::new();
        let mut at = Some(&entry);
        while let Some(side) = at
            && !self.is_best(side)
        {
            branch.push(side.hash);
            at = self.headers.get(&side.header.parent);
        }
        let height = entry.header.height.saturating_add(1);
        let fork = height.saturating_sub(branch.len() as u64 + self.lowest);
        self.best.truncate(usize::try_from(fork).unwrap_or(usize::MAX));
        self.best.extend(branch.into_iter().rev());
        self.tip = entry;
    }

    fn drop_oldest(&mut self, network: &Network) {
        while self.best.len() > KEPT
            && let Some(hash) = self.best.pop_front()
        {
            let height = self.lowest;
            self.lowest += 1;
            let Some(dropped) = self.headers.remove(&hash) else { continue };
            if height.is_multiple_of(network.adjustment.interval) {
                self.boundaries.push_back((height, dropped.header.timestamp));
                while self.boundaries.len() > BOUNDARIES {
                    self.boundaries.pop_front();
                }
            }
        }
    }

    /// Drops what branches off too deep to become the best chain.
    fn drop_stale_sides(&mut self) {
        let deepest = self.tip.header.height.saturating_sub(FORK_DEPTH);
        let mut sides = self.sides();
        sides.sort_by_key(|(height, ..)| *height);
        for (height, hash, parent) in sides {
            if height <= deepest || !self.headers.contains_key(&parent) {
                self.headers.remove(&hash);
            }
        }
    }

    /// Drops ends of branches, the lightest first, until few enough are left; `newest` last.
    fn limit_sides(&mut self, newest: BlockHash) {
        while self.headers.len() > self.best.len() + MAX_SIDES {
            let sides = self.sides();
            let parents = sides.iter().map(|(_, _, parent)| *parent).collect::<HashSet<_>>();
            let ends = sides
                .iter()
                .map(|(_, hash, _)| hash)
                .filter(|hash| !parents.contains(*hash) && **hash != newest);
            let lightest = ends.min_by_key(|hash| {
                (self.headers.get(*hash).map(|entry| entry.total_difficulty), **hash)
            });
            let dropped = lightest.copied().unwrap_or(newest);
            self.headers.remove(&dropped);
        }
    }

    /// (Height, hash, parent) of what is not on the best chain.
    fn sides(&self) -> Vec<(u64, BlockHash, BlockHash)> {
        if self.headers.len() == self.best.len() {
            return Vec::new();
        }
        let sides = self.headers.values().filter(|entry| !self.is_best(entry));
        sides.map(|entry| (entry.header.height, entry.hash, entry.header.parent)).collect()
    }
}

/// The first header of an anchor: the network's genesis block, or any that is well-formed.
fn check_first(network: &Network, first: &BlockHeader) -> Result<(), InsertError> {
    let (hash, genesis) = (first.hash(), network.genesis_hash());
    if hash == genesis {
        return Ok(());
    }
    if first.height == 0 {
        return Err(InsertError::OtherGenesis { hash, genesis });
    }
    validity::check_header_alone(first, &Rules::of(network), u64::MAX, &keys::verify)
        .map_err(|error| InsertError::Invalid { hash, error })
}

/// Height of the block whose timestamp the next adjustment of difficulty after a height needs.
fn needed_for_next(network: &Network, height: u64) -> u64 {
    let adjustment = &network.adjustment;
    if adjustment.is_due(height) {
        height.saturating_sub(adjustment.interval)
    } else {
        height - height % adjustment.interval
    }
}

/// Checks a header on its parent.
fn check_child(
    network: &Network,
    parent: &ChainHeader,
    header: BlockHeader,
    difficulty: u64,
    now: u64,
) -> Result<ChainHeader, InsertError> {
    let hash = header.hash();
    let expected = expected(network, &parent.header, &parent.hash, difficulty, header.epoch);
    validity::check_header(&header, &expected, &Rules::of(network), now, &keys::verify)
        .and_then(|()| check_score(&header))
        .map_err(|error| InsertError::Invalid { hash, error })?;
    let total_difficulty = parent.total_difficulty.saturating_add(u128::from(difficulty));
    Ok(ChainHeader { header, hash, total_difficulty })
}

fn check_score(header: &BlockHeader) -> Result<(), BlockError> {
    if validity::wins(&header.score, header.difficulty) {
        return Ok(());
    }
    Err(BlockError {
        kind: BlockErrorKind::ProofScoreTooHigh,
        message: format!("score {} does not lie under the target", header.score),
    })
}
