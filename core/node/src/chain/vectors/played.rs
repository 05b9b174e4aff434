//! A store on which a case is played.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use spacetime_protocol::accounts::Account;
use spacetime_protocol::network::{EmptyEpochs, Network};

use super::model::{self, Accounts};
use super::*;
use crate::common::Case;

/// What of an attempt can be compared with the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// All of it.
    Whole,
    /// Which block is the best one then, and all that follows from that; not
    /// what was taken off on the way.
    Outcome,
    Nothing,
}

pub(super) struct Played<'a> {
    case: &'a Case,
    blocks: Vec<Block>,
    indices: HashMap<BlockHash, usize>,
    genesis: Accounts,
    chain: Chain,
    /// Blocks that the chain was ever offered; the reference has some more.
    offered: BTreeSet<usize>,
    /// Blocks that were ever taken off.
    orphaned: BTreeSet<usize>,
    _directory: tempfile::TempDir,
}

impl<'a> Played<'a> {
    /// A chain of the first block alone.
    pub(super) fn new(case: &'a Case, blocks: Vec<Block>, max_depth: u64) -> Self {
        let indices = blocks.iter().enumerate().map(|(index, block)| (block.hash(), index));
        let indices = indices.collect::<HashMap<_, _>>();
        let genesis = genesis_accounts(case, &blocks, &indices);
        let directory = tempfile::tempdir().unwrap();
        let network = Network {
            genesis: blocks[0].clone(),
            empty_epochs: EmptyEpochs::None,
            ..Network::local()
        };
        let accounts = genesis.iter().map(|(identity, account)| (*identity, *account));
        let accounts = accounts.collect::<Vec<_>>();
        let store = Store::open(directory.path(), &network, &accounts).unwrap();
        let chain = Chain { network: Arc::new(network), store, max_depth };
        Self {
            case,
            blocks,
            indices,
            genesis,
            chain,
            offered: BTreeSet::new(),
            orphaned: BTreeSet::new(),
            _directory: directory,
        }
    }

    /// A block with all its ancestors that are given, oldest first.
    pub(super) fn path(&self, of: usize) -> Vec<usize> {
        path(&self.blocks, &self.indices, of)
    }

    /// The sum of difficulties up to a block.
    pub(super) fn sum(&self, of: usize) -> u128 {
        self.path(of).iter().map(|index| u128::from(self.blocks[*index].header.difficulty)).sum()
    }

    /// The same as the store has it.
    pub(super) fn total(&self, of: usize) -> Option<u128> {
        let stored = self.chain.snapshot().unwrap().header(&self.blocks[of].hash()).unwrap();
        stored.map(|stored| stored.total_difficulty)
    }

    /// Offers a block; whether the store has it then.
    pub(super) fn offer(&mut self, index: usize) -> bool {
        match self.offer_alone(index) {
            Ok(Taken::NewTip(_) | Taken::Side | Taken::Known { .. }) => true,
            Ok(Taken::Rejected(_)) | Err(Failure::Rejected(_)) => false,
            Err(Failure::Store(error)) => panic!("{}: {error}", self.case.id),
        }
    }

    /// Offers a block whose validity nobody judges.
    pub(super) fn offer_alone(&mut self, index: usize) -> Result<Taken, Failure> {
        let before = self.best();
        self.offered.insert(index);
        let taken = self.chain.place(&self.blocks[index], |_, _| Ok(()));
        let after = self.best();
        self.orphaned.extend(before.into_iter().filter(|index| !after.contains(index)));
        taken
    }

    /// Whether the reference's store has every block up to one, whole.
    pub(super) fn is_whole(&self, best: usize) -> bool {
        self.path(best).iter().all(|index| {
            list(self.case, "stored").iter().any(|one| one[0] == *index && one[1] == "block")
        })
    }

    /// A store that lacks a block of the best chain says so when it is needed,
    /// and changes nothing.
    pub(super) fn assert_damage_is_told(&mut self, best: usize) {
        let path = self.path(best);
        for index in &path {
            assert!(self.offer(*index), "{}", self.case.id);
        }
        let whole = |index: &&usize| {
            list(self.case, "stored").iter().any(|one| one[0] == **index && one[1] == "block")
        };
        let missing = path.iter().filter(|index| !whole(index)).copied().collect::<Vec<_>>();
        let change = self.chain.store.change().unwrap();
        for index in missing {
            let header = &self.blocks[index].header;
            change.remove_side(header.height, &header.hash()).unwrap();
        }
        change.commit().unwrap();
        let tip = index(&list(self.case, "attempts")[0]["tip"]);
        let branch = self.path(tip).into_iter().filter(|index| !path.contains(index));
        let taken = branch
            .map(|index| self.chain.place(&self.blocks[index], |_, _| Ok(())))
            .collect::<Vec<_>>();
        assert!(
            taken.iter().any(|taken| matches!(taken, Err(Failure::Store(_)))),
            "{}: a missing block is noticed",
            self.case.id
        );
        let snapshot = self.chain.snapshot().unwrap();
        assert_eq!(snapshot.tip().unwrap(), self.blocks[best].hash(), "{}", self.case.id);
    }

    /// Whether something other than a list makes the whole case differ: blocks
    /// with transactions that a branch takes off, weights that were cached
    /// wrongly and decide, headers that the reference lacks.
    pub(super) fn is_different(&self) -> bool {
        let attempts = list(self.case, "attempts");
        let best = self.best();
        let current = *best.last().unwrap();
        // Weights that were cached wrongly and decide.
        let misled = |attempt: &Value| {
            let tip = index(&attempt["tip"]);
            (self.trusted(tip) > self.trusted(current)) != (self.sum(tip) > self.sum(current))
        };
        let takes_off = |attempt: &Value| {
            let path = self.path(index(&attempt["tip"]));
            let gone = best.iter().filter(|index| !path.contains(index));
            gone.into_iter().any(|index| !self.blocks[*index].transactions.is_empty())
        };
        let lacks = |attempt: &Value| {
            let stored = |of: &usize| list(self.case, "stored").iter().any(|one| one[0] == *of);
            !self.path(index(&attempt["tip"])).iter().all(stored)
        };
        let overflows = |of| self.sum(of) > u128::from(spacetime_protocol::MAX_NUMBER);
        let any = |attempt| takes_off(attempt) || lacks(attempt) || misled(attempt);
        attempts.iter().any(any)
            || (0..self.blocks.len()).any(overflows)
            // What has no weight is invalid, and never the best chain's.
            || self.blocks.iter().any(|block| block.header.difficulty == 0)
    }

    /// A block's weight as the reference has it: what is cached for it, or else
    /// the sum.
    fn trusted(&self, of: usize) -> u128 {
        self.cached(of).unwrap_or_else(|| self.sum(of))
    }

    fn cached(&self, of: usize) -> Option<u128> {
        let entry = list(self.case, "weights").iter().find(|entry| entry[0] == of)?;
        Some(u128::from(entry[1].as_u64().expect("a weight")))
    }

    /// What of an attempt can be compared. The reference goes by the list for
    /// what it takes off, and so for how deep that is.
    pub(super) fn comparison(&self, attempt: &Value) -> Comparison {
        let best = self.best();
        let (tip, current) = (index(&attempt["tip"]), *best.last().unwrap());
        let branch = self.path(tip);
        let common = branch.iter().filter(|index| best.contains(index)).count();
        let listed = attempt["blocks"].as_array().expect("a list").iter().map(index);
        let listed = listed.collect::<Vec<_>>();
        let is_its_branch = branch.len() == common || branch[common..] == listed;
        if is_its_branch || self.sum(tip) <= self.sum(current) {
            return Comparison::Whole;
        }
        let is_too_deep = |fork: usize| (best.len() - 1 - fork) as u64 > self.chain.max_depth;
        let theirs = self.fork_of_list(&listed).is_none_or(is_too_deep);
        if theirs == (common == 0 || is_too_deep(common - 1)) {
            Comparison::Outcome
        } else {
            Comparison::Nothing
        }
    }

    /// The height of the first block that a list's first one leads down to and
    /// that is not in the list.
    fn fork_of_list(&self, listed: &[usize]) -> Option<usize> {
        let path = self.path(*listed.first()?);
        path.into_iter().rposition(|index| !listed.contains(&index))
    }

    /// Offers a branch, block by block, and compares what comes of it with the
    /// model; our answer in the reference's terms.
    pub(super) fn attempt(&mut self, attempt: &Value, theirs: &Value) -> Value {
        let tip = index(&attempt["tip"]);
        let before = self.best();
        let (expected, refused) = self.expect(tip);
        for index in self.path(tip) {
            self.offer(index);
        }
        let after = self.best();
        assert_eq!(after.last(), expected.last(), "{}: the best chain", self.case.id);
        assert_eq!(after, self.path(*after.last().unwrap()), "{}: it is linked", self.case.id);
        self.assert_accounts(&after);
        let mut out =
            json!({ "event": Value::Null, "state": self.state(&after, &theirs["state"]) });
        if refused && self.sum(tip) > self.sum(*before.last().unwrap()) {
            out["error"] = json!({});
            return out;
        }
        out["reorganized"] = (before != after).into();
        if before != after {
            out["event"] = self.event(&before, &after);
        }
        out
    }

    /// The best chain that must come of a branch: up to its heaviest block
    /// that is heavier than what there is, as long as the accounts allow its
    /// blocks; and whether the branch is refused for where it begins: too deep
    /// or nowhere.
    fn expect(&self, tip: usize) -> (Vec<usize>, bool) {
        let mut best = self.best();
        for index in self.path(tip) {
            if best.contains(&index) {
                continue;
            }
            let path = self.path(index);
            if path[0] != 0 {
                // It begins with a block whose parent is not known.
                return (best, true);
            }
            let common = path.iter().filter(|index| best.contains(index)).count();
            if (best.len() - common) as u64 > self.chain.max_depth {
                return (best, true);
            }
            if self.sum(index) > self.sum(*best.last().unwrap()) {
                if self.replay(&path).is_none() {
                    break;
                }
                best = path;
            }
        }
        (best, false)
    }

    fn replay(&self, path: &[usize]) -> Option<Accounts> {
        // The genesis block's own transactions are the premine.
        model::replay(&self.genesis, path[1..].iter().map(|index| &self.blocks[*index]))
    }

    fn assert_accounts(&self, best: &[usize]) {
        let owns = |(identity, account): (_, Account)| {
            (account != Account::default()).then_some((identity, account))
        };
        let ours = self.chain.snapshot().unwrap().accounts().unwrap();
        let ours = ours.into_iter().filter_map(owns).collect::<BTreeMap<_, _>>();
        let expected = self.replay(best).expect("the best chain can be applied");
        let expected = expected.into_iter().filter_map(owns).collect::<BTreeMap<_, _>>();
        assert_eq!(ours, expected, "{}: accounts", self.case.id);
    }

    /// The best chain as the store has it.
    fn best(&self) -> Vec<usize> {
        let snapshot = self.chain.snapshot().unwrap();
        let tip = snapshot.known_header(&snapshot.tip().unwrap()).unwrap().header.height;
        let at = |height| snapshot.best_at(height).unwrap();
        assert_eq!(at(tip + 1), None, "{}: nothing is above the tip", self.case.id);
        (0..=tip).map(|height| self.indices[&at(height).expect("a block at each height")]).collect()
    }

    fn event(&self, before: &[usize], after: &[usize]) -> Value {
        let common = before.iter().zip(after).take_while(|(one, other)| one == other).count();
        json!({
            "fork_height": common - 1,
            "old_tip": before.last(),
            "old_height": before.len() - 1,
            "new_tip": after.last(),
            "new_height": after.len() - 1,
            "reverted": before.len() - common,
            "applied": after.len() - common,
        })
    }

    /// The state, in the reference's terms, with what it names.
    fn state(&self, best: &[usize], theirs: &Value) -> Value {
        let snapshot = self.chain.snapshot().unwrap();
        let entries = |name: &str| theirs[name].as_array().expect("a list").clone();
        // Ours keeps no weight of a block that it does not take, and the
        // reference a wrong one that it was given.
        let weight = |entry: &Value| {
            let of = index(&entry[0]);
            let is_right = self.cached(of).is_none_or(|cached| cached == self.sum(of));
            let total = self.total(of).filter(|_| is_right);
            json!([entry[0], total.map_or_else(|| entry[1].clone(), |total| json!(total))])
        };
        let has_body = |entry: &Value| {
            let header = &self.blocks[index(entry)].header;
            // Beside the best chain, ours keeps what a branch may still begin at.
            let is_kept = header.height + self.chain.max_depth >= best.len() as u64;
            let is_stored = snapshot.block(&header.hash()).unwrap().is_some();
            let was_offered = self.offered.contains(&index(entry));
            is_stored || !was_offered || !(is_kept || best.contains(&index(entry)))
        };
        let account = |entry: &Value| {
            let identity = entry["key"].as_str().and_then(|key| key.parse().ok()).unwrap();
            let account = snapshot.account(&identity).unwrap();
            json!({ "key": entry["key"], "balance": account.balance, "nonce": account.nonce })
        };
        json!({
            "best": best.last(),
            "chain_height": best.len() - 1,
            "orphaned": self.orphaned,
            "weights": entries("weights").iter().map(weight).collect::<Vec<_>>(),
            // Of ours, blocks beside the best chain have theirs too.
            "bodies": entries("bodies").into_iter().filter(has_body).collect::<Vec<_>>(),
            // The reference's index by height holds whatever was stored last;
            // ours is the best chain, which is compared with the model.
            "by_height": theirs["by_height"],
            "accounts": entries("accounts").iter().map(account).collect::<Vec<_>>(),
        })
    }
}

fn path(blocks: &[Block], indices: &HashMap<BlockHash, usize>, of: usize) -> Vec<usize> {
    let mut path = vec![of];
    while let Some(parent) = path.last().and_then(|at| indices.get(&blocks[*at].header.parent)) {
        path.push(*parent);
    }
    path.reverse();
    path
}

/// The accounts of a case are those at its best block.
fn genesis_accounts(
    case: &Case,
    blocks: &[Block],
    indices: &HashMap<BlockHash, usize>,
) -> Accounts {
    let given = case.value("accounts").as_array().cloned().unwrap_or_default();
    let account = |value: &Value| {
        let number = |name: &str| value[name].as_u64().expect("a number");
        let key = value["key"].as_str().and_then(|key| key.parse().ok()).expect("a key");
        (key, Account { balance: number("balance"), nonce: number("nonce") })
    };
    let given = given.iter().map(account).collect::<Accounts>();
    let Some(best) = case.optional_int("best") else { return given };
    let best = path(blocks, indices, usize::try_from(best).unwrap());
    let applied = best.iter().skip(1).map(|index| &blocks[*index]).collect::<Vec<_>>();
    model::rewind(&given, &applied)
}
