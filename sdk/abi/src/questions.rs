//! Questions to a transport beside its session, and its answers (since 1.1).
//! Both enums grow at the end; whoever does not know a question answers with
//! the fault `UNSUPPORTED`.

use abi_stable::{
    StableAbi,
    std_types::{RBox, RString, RVec},
};

use crate::codes::FateCode;

/// What the host asks.
#[repr(u8)]
#[derive(StableAbi, Debug)]
#[sabi(kind(WithNonExhaustive(
    size = [u64; 16],
    traits(Debug, Send),
    assert_nonexhaustive = Question,
)))]
#[non_exhaustive]
pub enum Question {
    /// How does the best chain stand? Answered by `Tip`.
    Tip,
    /// What does an identity own? Answered by `Account`.
    Account { identity: [u8; 33] },
    /// Take this transaction, 155 bytes: answered by `Submitted` or `Refused`.
    /// `replace`: it may replace a pending one of its sender with its nonce, if
    /// it pays more.
    SubmitTransaction { transaction: RVec<u8>, replace: bool },
    /// What became of a transaction? Answered by `Transaction`.
    Transaction { hash: [u8; 32] },
    // abi: questions are appended here
}

/// What the transport answers.
#[repr(u8)]
#[derive(StableAbi, Debug)]
#[sabi(kind(WithNonExhaustive(
    size = [u64; 16],
    traits(Debug, Send),
    assert_nonexhaustive = Answer,
)))]
#[non_exhaustive]
pub enum Answer {
    /// How the best chain stands.
    Tip { tip: RBox<TipState> },
    /// What an identity owns.
    Account { account: RBox<AccountState> },
    /// The transaction with this hash is pending now.
    Submitted { hash: [u8; 32] },
    /// The transaction is not taken, for this reason.
    Refused { reason: RString },
    /// What became of a transaction.
    Transaction { fate: RBox<TransactionFate> },
    // abi: answers are appended here
}

/// How a best chain stands.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct TipState {
    /// Hash of the last block.
    pub hash: [u8; 32],
    pub height: u64,
    /// Difficulty of the next block; 0 = unknown.
    pub difficulty: u64,
    /// Pending transactions that the peer knows of.
    pub pending: u64,
    pub reserved: [u64; 8],
}

/// An account at a tip, and what its pending transactions do to it.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    pub identity: [u8; 33],
    pub balance: u64,
    pub nonce: u64,
    /// The nonce after those of its pending transactions.
    pub next_nonce: u64,
    /// What its pending transactions leave of the balance.
    pub spendable: u64,
    pub tip: [u8; 32],
    pub height: u64,
    pub reserved: [u64; 8],
}

/// What became of a transaction.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionFate {
    pub code: FateCode,
    /// With [`FateCode::IN_BLOCK`]: the block's hash.
    pub block: [u8; 32],
    /// Likewise: its height.
    pub height: u64,
    /// Likewise: blocks from that one to the tip, both included.
    pub confirmations: u64,
    pub reserved: [u64; 8],
}
