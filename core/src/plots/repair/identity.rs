//! Which plot a file is: what its header says, or, where that is damaged, what
//! is left of it and other records say. What the checksum does not prove is
//! only a candidate, until the root of the leaves confirms it.

use spacetime_protocol::{
    Leaf, NodeHash, PlotSeed,
    plot::{PlotHeader, PlotHeaderError, leaf_offset},
};

use super::{super::PlotError, RepairError, Spec};

/// Offsets of header fields (`plot-format.md` section 1).
const SEED: usize = 5;
const LEAF_COUNT: usize = 37;
const ROOT: usize = 57;
const CHECKSUM: usize = 89;

/// Which plot it is.
#[derive(Debug)]
pub(super) struct Identity {
    /// Where the header is lost, its root is only one of the candidates.
    pub(super) header: PlotHeader,
    state: State,
    /// The first bytes of the file, filled up with zeros.
    stored: [u8; PlotHeader::SIZE],
}

/// What is known of the header.
#[derive(Debug)]
enum State {
    /// It is whole.
    Whole,
    /// It is damaged, and its checksum proves what it was.
    Proved(PlotHeaderError),
    /// It is damaged, and the root of the leaves has to confirm what it was.
    Candidate(PlotHeaderError),
}

impl Identity {
    /// From the first bytes of a file of `len` bytes.
    pub(super) fn of(first: &[u8], len: u64, spec: &Spec) -> Result<Self, RepairError> {
        let mut stored = [0; PlotHeader::SIZE];
        stored[..first.len()].copy_from_slice(first);
        let reason = match PlotHeader::decode(first) {
            Ok(header) if header.leaf_size as usize == Leaf::SIZE => {
                if let Some(given) = spec.seed.filter(|seed| *seed != header.seed) {
                    let (path, found) = (spec.plot.clone(), header.seed);
                    return Err(RepairError::OtherSeed { path, found, given });
                }
                return Ok(Self { header, state: State::Whole, stored });
            }
            Ok(header) => {
                let reason = PlotHeaderError::BadLeafSize { found: header.leaf_size.into() };
                let path = spec.plot.clone();
                return Err(PlotError::Header { path, reason }.into());
            }
            Err(reason) => reason,
        };
        let counts = leaf_counts(&stored, len, spec);
        let Some(likeliest) = counts.first().copied() else {
            return Err(RepairError::NoLeafCount { path: spec.plot.clone(), reason });
        };
        let seeds = [spec.seed, Some(seed_of(&stored))];
        let roots = [Some(root_of(&stored)), spec.recorded_root()];
        for count in counts {
            for seed in seeds.into_iter().flatten() {
                for root in roots.into_iter().flatten() {
                    let header = PlotHeader::new(seed, count, root);
                    if has_checksum(&header, &stored) {
                        return Ok(Self { header, state: State::Proved(reason), stored });
                    }
                }
            }
        }
        let seed = spec.seed.unwrap_or(seed_of(&stored));
        let header = PlotHeader::new(seed, likeliest, root_of(&stored));
        Ok(Self { header, state: State::Candidate(reason), stored })
    }

    /// Whether the header says, or its checksum proves, which plot it is.
    pub(super) fn is_certain(&self) -> bool {
        !matches!(self.state, State::Candidate(_))
    }

    /// What was wrong with the header, if anything was.
    pub(super) fn damage(&self) -> Option<&PlotHeaderError> {
        match &self.state {
            State::Whole => None,
            State::Proved(reason) | State::Candidate(reason) => Some(reason),
        }
    }

    /// Holds the root of the leaves that key and seed make against all that is
    /// known of it. `own_leaves`: whether any leaf of the file is among them;
    /// `cached`: the root of the cache.
    pub(super) fn confirm(
        &mut self,
        computed: NodeHash,
        own_leaves: bool,
        cached: Option<NodeHash>,
        spec: &Spec,
    ) -> Result<(), RepairError> {
        let (path, root) = (spec.plot.clone(), self.header.root);
        let State::Candidate(reason) = &self.state else {
            return match own_leaves {
                _ if computed == root => Ok(()),
                true => Err(RepairError::WrongRoot { path, root, computed }),
                false => Err(RepairError::WrongKey { path, root, computed }),
            };
        };
        let header = PlotHeader::new(self.header.seed, self.header.leaf_count, computed);
        let is_known = computed == root
            || spec.recorded_root() == Some(computed)
            || cached == Some(computed)
            || has_checksum(&header, &self.stored);
        if !is_known {
            let (reason, leaf_count) = (reason.clone(), self.header.leaf_count);
            return Err(RepairError::HeaderLost { path, reason, leaf_count, computed });
        }
        self.header = header;
        Ok(())
    }
}

/// How many leaves the plot may have, the likeliest first.
fn leaf_counts(stored: &[u8; PlotHeader::SIZE], len: u64, spec: &Spec) -> Vec<u64> {
    let field: [u8; 8] = std::array::from_fn(|at| stored[LEAF_COUNT + at]);
    let told = u64::from_le_bytes(field);
    let recorded = spec.record.as_ref().and_then(|record| leaves_in(record.bytes));
    let fits = |count: &u64| *count > 0 && leaf_offset(*count).is_some();
    let mut counts = Vec::new();
    // What two of them say is likelier than what one says.
    let by_len = leaves_in(len);
    let agreed = [told].into_iter().filter(|told| by_len == Some(*told));
    for count in agreed.chain(recorded).chain(by_len).chain([told]).filter(fits) {
        if !counts.contains(&count) {
            counts.push(count);
        }
    }
    counts
}

/// Leaves of a file that is as long as its plot.
fn leaves_in(len: u64) -> Option<u64> {
    let leaves = len.checked_sub(PlotHeader::SIZE as u64)?;
    leaves.is_multiple_of(Leaf::SIZE as u64).then_some(leaves / Leaf::SIZE as u64)
}

fn seed_of(stored: &[u8; PlotHeader::SIZE]) -> PlotSeed {
    PlotSeed::new(std::array::from_fn(|at| stored[SEED + at]))
}

fn root_of(stored: &[u8; PlotHeader::SIZE]) -> NodeHash {
    NodeHash::new(std::array::from_fn(|at| stored[ROOT + at]))
}

fn has_checksum(header: &PlotHeader, stored: &[u8; PlotHeader::SIZE]) -> bool {
    header.encode()[CHECKSUM..] == stored[CHECKSUM..]
}
