//! Tasks: challenges in the form in which they are worked on, whether they
//! follow from the chain or were brought by a transport.

use spacetime_protocol::{
    BlockHash, Challenge, Target,
    chain::{self, ChainHeader},
    header::BlockHeader,
    network::{EmptyEpochs, Network},
    score,
    validity::Expected,
};
use spacetime_sdk::Builder;
use spacetime_sdk_loader::abi;

use crate::{scan::Stop, submit::Audience};

/// A challenge to work on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Task {
    /// Who gets what comes of it.
    pub(super) audience: Audience,
    /// The transport's number for it; 0: it follows from the chain.
    pub(super) challenge_id: u64,
    /// Hash of the block to build on.
    pub(super) parent: BlockHash,
    /// What the block must say; its difficulty is 0 if that is unknown.
    pub(super) expected: Expected,
    pub(super) block_target: Option<Target>,
    pub(super) share_target: Option<Target>,
    pub(super) stop: Stop,
    pub(super) builder: Builder,
    /// When its scan ends at the latest, Unix ms.
    pub(super) deadline_ms: Option<u64>,
    /// When its block may be published, Unix ms; 0: at once.
    pub(super) publish_at_ms: u64,
}

impl Task {
    /// What the chain's tip asks at this moment.
    pub(super) fn of_chain(
        network: &Network,
        tip: &ChainHeader,
        expected: impl Fn(u64) -> Expected,
        now_ms: u64,
    ) -> Self {
        let window = chain::window(network, &tip.header, now_ms);
        let expected = expected(window.epoch);
        let target = score::target(expected.difficulty);
        // Where the lowest score of a window wins, a lower one always helps.
        let stop = match (network.empty_epochs, target) {
            (EmptyEpochs::None, Some(target)) => Stop::FirstUnder(target),
            _ => Stop::BestOfAll,
        };
        Self {
            audience: Audience::Everybody,
            challenge_id: 0,
            parent: tip.hash,
            expected,
            block_target: target,
            share_target: None,
            stop,
            builder: Builder::Host,
            deadline_ms: window.ends_ms,
            publish_at_ms: window.ends_ms.unwrap_or(0),
        }
    }

    /// A challenge that a transport brought.
    pub(super) fn brought(source: usize, challenge: &abi::Challenge) -> Self {
        let target = |bytes: [u8; 32]| {
            let target = Target::new(bytes);
            (!target.is_zero()).then_some(target)
        };
        let (block, share) = (target(challenge.block_target), target(challenge.share_target));
        let stop = match (challenge.stop, share.or(block)) {
            (abi::StopRule::FIRST_UNDER_TARGET, Some(target)) => Stop::FirstUnder(target),
            (abi::StopRule::BUDGET, _) => Stop::Budget(challenge.stop_leaves),
            _ => Stop::BestOfAll,
        };
        let builder = match challenge.builder {
            abi::Builder::HOST if challenge.difficulty > 0 => Builder::Host,
            abi::Builder::TRANSPORT => Builder::Transport,
            _ => Builder::Nobody,
        };
        let parent = BlockHash::new(challenge.parent);
        Self {
            audience: Audience::One(source),
            challenge_id: challenge.id,
            parent,
            expected: Expected {
                parent: Some(parent),
                height: challenge.height,
                difficulty: challenge.difficulty,
                epoch: challenge.epoch,
                challenge: Challenge::new(challenge.challenge),
                min_timestamp: challenge.min_timestamp,
            },
            block_target: block,
            share_target: share,
            stop,
            builder,
            deadline_ms: (challenge.deadline_ms > 0).then_some(challenge.deadline_ms),
            publish_at_ms: challenge.publish_at_ms,
        }
    }

    /// Whether both are the same work, so that one need not give way.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.audience, self.challenge_id, self.parent, self.expected.epoch)
            == (other.audience, other.challenge_id, other.parent, other.expected.epoch)
            && self.expected.challenge == other.expected.challenge
    }

    pub(super) fn is_of_chain(&self) -> bool {
        self.audience == Audience::Everybody
    }

    /// Whether a score makes a block that we build.
    pub(super) fn wins(&self, score: &spacetime_protocol::Score) -> bool {
        self.builder == Builder::Host
            && self.block_target.is_some_and(|target| score::is_under(score, &target))
    }

    /// Whether a score is wanted as a proof.
    pub(super) fn is_share(&self, score: &spacetime_protocol::Score) -> bool {
        let all = |target: Target| target == Target::new([0xFF; 32]);
        self.share_target.is_some_and(|target| all(target) || score::is_under(score, &target))
    }

    /// Whether a block of this task with this score would take the place of
    /// `tip`, which came first: both follow the same block, so the difficulty
    /// is the same, and on such networks the lower score decides.
    pub(super) fn beats(
        &self,
        network: &Network,
        score: &spacetime_protocol::Score,
        tip: &BlockHeader,
    ) -> bool {
        network.empty_epochs == EmptyEpochs::Advance
            && self.is_of_chain()
            && tip.parent == self.parent
            && *score < tip.score
    }
}
