//! All that can happen, in the engine's own terms. What comes over the plugin
//! boundary is decoded here, once, before the state sees it.

use std::{path::Path, sync::Arc};

use spacetime_protocol::{
    BlockHash, Identity, NodeHash, accounts::Account, header::BlockHeader, proof::BlockProof,
    transaction::Transaction,
};
use spacetime_sdk::text::{LONGEST, line};
use spacetime_sdk_loader::abi;

use crate::{
    block::{Candidates, Outcome},
    observe::{DriveCoverage, Fault, ShadowScan},
    scan::Found,
    submit::Verdict,
};

/// Transactions of one list that are looked at; policies choose 1000 of them.
const MAX_CANDIDATES: usize = 16_384;

/// The moment of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Unix milliseconds.
    pub unix_ms: u64,
}

impl Now {
    /// Unix seconds.
    pub fn seconds(self) -> u64 {
        self.unix_ms / 1000
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A transport said something.
    Transport {
        /// Which one, in the manifest's order.
        source: usize,
        /// What.
        event: TransportEvent,
    },
    /// A transport could not take a submission.
    Unsent {
        /// Which one.
        source: usize,
        /// The submission's number.
        ticket: u64,
        /// Why.
        reason: String,
    },
    /// A scan has ended, by itself or because it was told to.
    Scanned {
        /// The scan's id.
        job: u64,
        /// Its best leaf, if it scanned any.
        best: Option<Best>,
        /// How far it came.
        coverage: Coverage,
    },
    /// A leaf's way to its plot's root was made and verified, or was not.
    Proved {
        /// The claim that it is for.
        claim: u64,
        /// The proof, or what went wrong.
        outcome: Result<Proved, Unproven>,
        /// How long it took.
        elapsed_ms: u64,
    },
    /// A block was built and checked, or was not.
    Built {
        /// The claim that it is for.
        claim: u64,
        /// What came of it.
        outcome: Outcome,
        /// How long it took.
        elapsed_ms: u64,
    },
    /// The plot set has changed.
    Plots(PlotSummary),
    /// A plot was set aside, as was asked: what is left.
    SetAside(PlotSummary),
    /// A shadow has dealt with a challenge.
    Shadow {
        /// The challenge's epoch.
        epoch: u64,
        /// Height of the block that a win would make.
        height: u64,
        /// How it did.
        scan: ShadowScan,
    },
    /// Something went wrong outside the state.
    Fault(Fault),
    /// A transport failed, which may be why its session ends.
    OfTransport(Fault),
    /// The time that was asked for has come.
    Timer,
    /// The user wants the miner to stop.
    Stop,
    /// There is nothing to mine on, and this is how the run ends.
    GiveUp(super::command::Outcome),
}

/// What is mined with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlotSummary {
    /// Usable plots.
    pub plots: u64,
    /// Their leaves.
    pub leaves: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// A scan's best leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Best {
    /// The leaf.
    pub found: Found,
    /// The plot that it lies in.
    pub path: Arc<Path>,
}

/// How far a scan came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Leaves scanned, each counted once.
    pub scanned: u64,
    /// Leaves scanned again, or that may have been.
    pub again: u64,
    /// Leaves owned.
    pub leaves: u64,
    /// From its beginning to its end.
    pub elapsed_ms: u64,
    /// The same per drive.
    pub drives: Vec<DriveCoverage>,
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// The plot cannot be read where it matters, or is damaged.
    Damaged(String),
    /// It is sound, but the network takes no block of this plot.
    Unfit(String),
    /// It took too long, or its plot left the set: the plot may be sound.
    GivenUp(String),
}

/// A verified proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The proof.
    pub proof: Arc<BlockProof>,
    /// The same, encoded.
    pub encoded: Arc<[u8]>,
    /// Root of its plot.
    pub root: NodeHash,
}

/// What a transport says.
#[derive(Clone, Debug)]
pub enum TransportEvent {
    /// Its peer can be used.
    Online {
        /// For people.
        detail: String,
    },
    /// Its peer cannot be used.
    Offline {
        /// For people.
        reason: String,
    },
    /// Headers, oldest first.
    Headers {
        /// Whether the transport vouches for them.
        anchor: bool,
        /// The headers.
        headers: Vec<BlockHeader>,
    },
    /// A ready-made challenge.
    Challenge(Box<abi::Challenge>),
    /// What is pending on a tip.
    Candidates(Arc<Candidates>),
    /// The answer to a submission.
    Verdict {
        /// The submission's number.
        ticket: u64,
        /// The answer.
        verdict: Verdict,
        /// For people.
        reason: String,
    },
    /// Something that this miner is too old for.
    Unknown,
    /// Something that cannot be decoded.
    Malformed(String),
}

/// A text for people, whatever SDK the plugin was made with.
fn text(text: &str) -> String {
    line(text, LONGEST).into_owned()
}

impl From<Option<abi::Event>> for TransportEvent {
    fn from(event: Option<abi::Event>) -> Self {
        match event {
            Some(abi::Event::Online { detail }) => Self::Online { detail: text(&detail) },
            Some(abi::Event::Offline { reason }) => Self::Offline { reason: text(&reason) },
            Some(abi::Event::Headers { anchor, headers }) => decode_headers(anchor, &headers),
            Some(abi::Event::Challenge { challenge }) => Self::Challenge(Box::new(*challenge)),
            Some(abi::Event::Candidates { tip, transactions, accounts }) => {
                decode_candidates(tip, &transactions, &accounts)
            }
            Some(abi::Event::Verdict { ticket, verdict, reason }) => {
                Self::Verdict { ticket, verdict: decode_verdict(verdict), reason: text(&reason) }
            }
            _ => Self::Unknown,
        }
    }
}

fn decode_verdict(verdict: abi::Verdict) -> Verdict {
    match verdict {
        abi::Verdict::ACCEPTED => Verdict::Accepted,
        abi::Verdict::STALE => Verdict::Stale,
        abi::Verdict::UNDELIVERED => Verdict::Undelivered,
        _ => Verdict::Rejected,
    }
}

fn decode_headers(anchor: bool, bytes: &[u8]) -> TransportEvent {
    let (chunks, rest) = bytes.as_chunks::<{ BlockHeader::SIZE }>();
    if !rest.is_empty() {
        return TransportEvent::Malformed(format!(
            "{} bytes of headers are not a multiple of {}",
            bytes.len(),
            BlockHeader::SIZE
        ));
    }
    match chunks.iter().map(|chunk| BlockHeader::decode(chunk)).collect() {
        Ok(headers) => TransportEvent::Headers { anchor, headers },
        Err(error) => TransportEvent::Malformed(format!("a header cannot be decoded: {error}")),
    }
}

fn decode_candidates(tip: [u8; 32], bytes: &[u8], accounts: &[abi::Account]) -> TransportEvent {
    let (chunks, rest) = bytes.as_chunks::<{ Transaction::SIZE }>();
    if !rest.is_empty() {
        return TransportEvent::Malformed(format!(
            "{} bytes of transactions are not a multiple of {}",
            bytes.len(),
            Transaction::SIZE
        ));
    }
    let account = |account: &abi::Account| {
        let state = Account { balance: account.balance, nonce: account.nonce };
        (Identity::new(account.identity), state)
    };
    let transactions =
        chunks.iter().take(MAX_CANDIDATES).map(|chunk| Transaction::decode(chunk)).collect();
    match transactions {
        Ok(transactions) => TransportEvent::Candidates(Arc::new(Candidates {
            tip: BlockHash::new(tip),
            transactions,
            accounts: accounts.iter().take(MAX_CANDIDATES).map(account).collect(),
        })),
        Err(error) => {
            TransportEvent::Malformed(format!("a transaction cannot be decoded: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer's words may be in it, and a plugin without our SDK passes them on.
    #[test]
    fn what_a_transport_says_is_a_line_of_a_bounded_length() {
        let said = || format!("ok\n\u{1b}[31mERROR{}", "x".repeat(10_000)).into();
        let heard = |event| match TransportEvent::from(Some(event)) {
            TransportEvent::Online { detail: text }
            | TransportEvent::Offline { reason: text }
            | TransportEvent::Verdict { reason: text, .. } => text,
            event => panic!("{event:?}"),
        };
        let verdict = abi::Verdict::REJECTED;
        for event in [
            abi::Event::Online { detail: said() },
            abi::Event::Offline { reason: said() },
            abi::Event::Verdict { ticket: 1, verdict, reason: said() },
        ] {
            let text = heard(event);
            assert!(text.starts_with("ok \\u{1b}[31mERRORxxx") && text.len() <= LONGEST, "{text}");
        }
    }
}
