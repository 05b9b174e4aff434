//! What a transport and the host say to each other.

use std::time::{Duration, SystemTime};

use abi::{Event_NE, Request_NE, abi_stable::std_types::RBox};
use spacetime_protocol::{
    BlockHash, Challenge as ChallengeHash, Identity, NodeHash, Score, Target, accounts::Account,
    header::BlockHeader, transaction::Transaction,
};
use spacetime_sdk_abi as abi;

use crate::{
    error::{Error, Result},
    job::{Builder, StopRule},
    text::{LONGEST, line},
};

/// From a transport to the host. What is for people goes over as one line, see
/// [`text`](crate::text).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The peer can be used; `detail` says which it is.
    Online {
        /// For people: an address, a version.
        detail: String,
    },
    /// The peer cannot be used for now; the session goes on and keeps trying.
    Offline {
        /// For people: what happened.
        reason: String,
    },
    /// Block headers, oldest first, that the host shall check and follow.
    Headers {
        /// The transport vouches for them (it holds a chain that it validated
        /// itself), so the first one needs no parent that the host knows.
        anchor: bool,
        /// Signed headers.
        headers: Vec<BlockHeader>,
    },
    /// A ready-made challenge; it replaces the last one of this transport.
    Challenge(Challenge),
    /// All transactions that are pending on a tip, best fee first, and the
    /// accounts of their senders there; replaces the last such list.
    Candidates {
        /// Hash of the tip.
        tip: BlockHash,
        /// Signed transactions.
        transactions: Vec<Transaction>,
        /// Senders' accounts; one that is missing is empty.
        accounts: Vec<(Identity, Account)>,
    },
    /// The answer to a submission.
    Verdict {
        /// The submission's number.
        ticket: u64,
        /// What became of it.
        verdict: Verdict,
        /// For people; empty when there is nothing to say.
        reason: String,
    },
}

/// A peer's answer to a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// A block became part of the best chain; a share counts.
    Accepted,
    /// Refused.
    Rejected,
    /// Too late.
    Stale,
    /// It could not be delivered and may be submitted again.
    Undelivered,
}

/// A challenge that builds on the peer's view of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The transport's own number for it; proofs come back with it.
    pub id: u64,
    /// What leaves are scored against.
    pub challenge: ChallengeHash,
    /// Hash of the block to build on.
    pub parent: BlockHash,
    /// Its epoch.
    pub epoch: u64,
    /// Height of the block to build.
    pub height: u64,
    /// Difficulty of the block to build, if known.
    pub difficulty: Option<u64>,
    /// A score under this wins a block; `None`: no block can be won.
    pub block_target: Option<Target>,
    /// A score under this is submitted as a proof; `None`: proofs are not
    /// wanted. All ones: the best proof always is.
    pub share_target: Option<Target>,
    /// When the scan may end early.
    pub stop: StopRule,
    /// Who builds the block.
    pub builder: Builder,
    /// When the challenge ends.
    pub deadline: Option<SystemTime>,
    /// When a block may be published at the earliest.
    pub publish_at: Option<SystemTime>,
    /// Lowest valid timestamp of the block, Unix seconds.
    pub min_timestamp: u64,
}

/// From the host to a transport.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Request {
    /// Submit a proof; answer with a verdict if the peer does.
    SubmitProof {
        /// The submission's number.
        ticket: u64,
        /// The proof and what it is for.
        claim: Box<ProofClaim>,
    },
    /// Submit a block of ours; answer with a verdict.
    SubmitBlock {
        /// The submission's number.
        ticket: u64,
        /// The encoded block.
        block: Vec<u8>,
    },
    /// Bring headers after the newest of these that the peer knows.
    FetchHeaders {
        /// Hashes of the host's chain, newest first.
        locator: Vec<BlockHash>,
    },
}

/// A finished proof.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProofClaim {
    /// The transport's number for the challenge; 0 for one of the host's own.
    pub challenge_id: u64,
    /// What was scanned for.
    pub challenge: ChallengeHash,
    /// Its epoch.
    pub epoch: u64,
    /// Height of the block that it would make.
    pub height: u64,
    /// The score.
    pub score: Score,
    /// Root of the plot.
    pub plot_root: NodeHash,
    /// Who found it.
    pub miner: Identity,
    /// The encoded block proof.
    pub proof: Vec<u8>,
}

fn millis(time: Option<SystemTime>) -> u64 {
    time.map_or(0, |time| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

impl Challenge {
    fn to_abi(&self) -> abi::Challenge {
        let target = |target: Option<Target>| target.map_or([0; 32], Target::to_bytes);
        let (stop, stop_leaves) = self.stop.to_abi();
        abi::Challenge {
            id: self.id,
            challenge: self.challenge.to_bytes(),
            parent: self.parent.to_bytes(),
            epoch: self.epoch,
            height: self.height,
            difficulty: self.difficulty.unwrap_or(0),
            block_target: target(self.block_target),
            share_target: target(self.share_target),
            stop,
            builder: self.builder.to_abi(),
            stop_leaves,
            deadline_ms: millis(self.deadline),
            publish_at_ms: millis(self.publish_at),
            min_timestamp: self.min_timestamp,
            reserved: [0; 16],
        }
    }
}

impl Verdict {
    fn to_abi(self) -> abi::Verdict {
        match self {
            Self::Accepted => abi::Verdict::ACCEPTED,
            Self::Rejected => abi::Verdict::REJECTED,
            Self::Stale => abi::Verdict::STALE,
            Self::Undelivered => abi::Verdict::UNDELIVERED,
        }
    }
}

impl Event {
    /// The form that crosses the boundary.
    ///
    /// # Errors
    ///
    /// An unsigned header or transaction: it has no encoding.
    pub(super) fn to_abi(&self) -> Result<Event_NE> {
        Ok(Event_NE::new(match self {
            Self::Online { detail } => abi::Event::Online { detail: line(detail, LONGEST).into() },
            Self::Offline { reason } => {
                abi::Event::Offline { reason: line(reason, LONGEST).into() }
            }
            Self::Headers { anchor, headers } => {
                abi::Event::Headers { anchor: *anchor, headers: encode_headers(headers)?.into() }
            }
            Self::Challenge(challenge) => {
                abi::Event::Challenge { challenge: RBox::new(challenge.to_abi()) }
            }
            Self::Candidates { tip, transactions, accounts } => abi::Event::Candidates {
                tip: tip.to_bytes(),
                transactions: encode_transactions(transactions)?.into(),
                accounts: accounts.iter().map(account_to_abi).collect(),
            },
            Self::Verdict { ticket, verdict, reason } => abi::Event::Verdict {
                ticket: *ticket,
                verdict: verdict.to_abi(),
                reason: line(reason, LONGEST).into(),
            },
        }))
    }
}

fn encode_headers(headers: &[BlockHeader]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(headers.len() * BlockHeader::SIZE);
    for header in headers {
        bytes.extend_from_slice(&header.encode()?);
    }
    Ok(bytes)
}

fn encode_transactions(transactions: &[Transaction]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(transactions.len() * Transaction::SIZE);
    for transaction in transactions {
        bytes.extend_from_slice(&transaction.encode()?);
    }
    Ok(bytes)
}

fn account_to_abi((identity, account): &(Identity, Account)) -> abi::Account {
    abi::Account {
        identity: identity.to_bytes(),
        balance: account.balance,
        nonce: account.nonce,
        reserved: [0; 2],
    }
}

impl Request {
    /// Reads what the host sent; `None`: a request that this SDK is too old for.
    pub(crate) fn from_abi(request: Request_NE) -> Result<Option<Self>> {
        let Ok(request) = request.into_enum() else { return Ok(None) };
        Ok(Some(match request {
            abi::Request::SubmitProof { ticket, claim } => Self::SubmitProof {
                ticket,
                claim: Box::new(claim_from_abi(RBox::into_inner(claim))),
            },
            abi::Request::SubmitBlock { ticket, block } => {
                Self::SubmitBlock { ticket, block: block.into() }
            }
            abi::Request::FetchHeaders { locator } => Self::FetchHeaders {
                locator: locator
                    .chunks_exact(BlockHash::SIZE)
                    .map(BlockHash::try_from)
                    .collect::<Result<_, _>>()
                    .map_err(Error::from)?,
            },
            _ => return Ok(None),
        }))
    }
}

fn claim_from_abi(claim: abi::ProofClaim) -> ProofClaim {
    ProofClaim {
        challenge_id: claim.challenge_id,
        challenge: ChallengeHash::new(claim.challenge),
        epoch: claim.epoch,
        height: claim.height,
        score: Score::new(claim.score),
        plot_root: NodeHash::new(claim.plot_root),
        miner: Identity::new(claim.miner),
        proof: claim.proof.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_says_crosses_as_one_short_line() {
        let said = || format!("gone\n\u{1b}[2J{}", "x".repeat(10_000));
        let verdict = Verdict::Rejected;
        for event in [
            Event::Online { detail: said() },
            Event::Offline { reason: said() },
            Event::Verdict { ticket: 1, verdict, reason: said() },
        ] {
            let text = match event.to_abi().unwrap().into_enum() {
                Ok(
                    abi::Event::Online { detail: text }
                    | abi::Event::Offline { reason: text }
                    | abi::Event::Verdict { reason: text, .. },
                ) => text,
                other => panic!("{other:?}"),
            };
            assert!(text.starts_with("gone \\u{1b}[2Jxxx") && text.len() <= LONGEST, "{text}");
        }
    }
}
