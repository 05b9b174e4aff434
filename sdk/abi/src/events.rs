//! What flows between the host and a transport. Both enums grow at the end;
//! a receiver ignores and counts what it does not know.

use abi_stable::{
    StableAbi,
    std_types::{RBox, RString, RVec},
};

use crate::{
    codes::Verdict,
    data::{Account, Challenge, ProofClaim},
};

/// From a transport to the host.
#[repr(u8)]
#[derive(StableAbi, Debug)]
#[sabi(kind(WithNonExhaustive(
    size = [u64; 16],
    traits(Debug, Send),
    assert_nonexhaustive = Event,
)))]
#[non_exhaustive]
pub enum Event {
    /// The peer can be used; `detail` says which.
    Online { detail: RString },
    /// The peer cannot be used; the transport keeps trying unless it ends.
    Offline { reason: RString },
    /// Block headers, 290 bytes each, oldest first, that the host shall check
    /// and follow. `anchor`: the transport vouches for them (it holds a chain
    /// that it validated), so the first needs no known parent.
    Headers { anchor: bool, headers: RVec<u8> },
    /// A ready-made challenge, which replaces the transport's last one.
    Challenge { challenge: RBox<Challenge> },
    /// All transactions, 155 bytes each, that are pending on `tip`, best fee
    /// first, with the accounts of their senders; replaces the last such list.
    Candidates { tip: [u8; 32], transactions: RVec<u8>, accounts: RVec<Account> },
    /// The answer to a submission.
    Verdict { ticket: u64, verdict: Verdict, reason: RString },
    // abi: variants are appended here
}

/// From the host to a transport.
#[repr(u8)]
#[derive(StableAbi, Debug)]
#[sabi(kind(WithNonExhaustive(
    size = [u64; 16],
    traits(Debug, Send),
    assert_nonexhaustive = Request,
)))]
#[non_exhaustive]
pub enum Request {
    /// Submit a finished proof; answered by a verdict with this ticket, if the
    /// peer answers proofs at all.
    SubmitProof { ticket: u64, claim: RBox<ProofClaim> },
    /// Submit a block of ours; answered by a verdict with this ticket.
    SubmitBlock { ticket: u64, block: RVec<u8> },
    /// Headers are missing: `locator` holds hashes (32 bytes each) of the
    /// host's chain, newest first.
    FetchHeaders { locator: RVec<u8> },
    // abi: variants are appended here
}
