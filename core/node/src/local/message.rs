//! What is said on the local socket: one JSON object per line, a request and
//! its reply, any number of times.

use serde::{Deserialize, Serialize};
use spacetime_protocol::{BlockHash, Identity, TxHash};

use crate::store::{Origin, Rules};

/// Longest request line, in bytes with its end.
pub(super) const MAX_REQUEST: usize = 4 << 10;
/// Longest reply line that a client reads, in bytes: a block of the largest
/// count of transactions in hexadecimal, with room to spare.
pub(super) const MAX_REPLY: u64 = 16 << 20;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Request {
    /// How the chain stands: [`Status`].
    Status,
    /// An account at the tip: [`AccountReply`].
    Account {
        /// Whose.
        identity: Identity,
    },
    /// Puts a transaction in the pool: [`SubmittedReply`].
    SubmitTransaction {
        /// The signed transaction's 155 bytes, hexadecimal.
        transaction: String,
        /// Whether it may replace a pending one with its nonce; yes, if not said.
        #[serde(default = "yes")]
        replace: bool,
    },
    /// What became of a transaction: [`Fate`](spacetime_protocol::ask::Fate).
    Transaction {
        /// Its hash.
        hash: TxHash,
    },
    /// A header: [`BytesReply`].
    Header(Select),
    /// A block: [`BytesReply`].
    Block(Select),
}

fn yes() -> bool {
    true
}

/// Which block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The one with this hash.
    Hash(BlockHash),
    /// The best chain's at this height.
    Height(u64),
}

/// How a chain stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The network's id.
    pub network_id: String,
    /// Hash of the genesis block.
    pub genesis_hash: BlockHash,
    /// The network's rules; earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
    /// Height of the tip.
    pub height: u64,
    /// Hash of the tip.
    pub tip: BlockHash,
    /// Difficulty of the next block.
    pub difficulty: u64,
    /// Transactions in the pool; 0 when nobody runs.
    pub mempool: u64,
    /// The process that runs the chain; `None` when nobody does.
    pub pid: Option<u32>,
}

impl Status {
    /// Which network's the chain is.
    pub(crate) fn origin(&self) -> Origin {
        let Self { network_id, genesis_hash, rules, .. } = self;
        Origin { id: network_id.clone(), genesis: *genesis_hash, rules: rules.clone() }
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReply {
    /// Whose.
    pub identity: Identity,
    /// What it owns.
    pub balance: u64,
    /// The nonce that its next transaction in a block takes.
    pub nonce: u64,
    /// What is pending and where the chain stands; older versions do not say.
    #[serde(flatten)]
    pub outlook: Option<Outlook>,
}

/// What is pending of an account, and where the chain stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// The nonce after those of its pending transactions.
    pub next_nonce: u64,
    /// What its pending transactions leave of the balance.
    pub spendable: u64,
    /// Hash of the tip.
    pub tip: BlockHash,
    /// Its height.
    pub height: u64,
}

/// A transaction is in the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SubmittedReply {
    /// Its hash.
    pub hash: TxHash,
}

/// A header or a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BytesReply {
    /// The block's hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: u64,
    /// Whether it is on the best chain.
    pub best: bool,
    /// The encoded header or block, hexadecimal.
    pub bytes: String,
}

/// A reply line: the answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply<T> {
    Ok(T),
    Error(ErrorReply),
}

/// Why a request was not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// `request` (it makes no sense), `not_found`, `refused` (a transaction)
    /// or `failed` (the store).
    pub kind: String,
    /// For people.
    pub message: String,
}

impl ErrorReply {
    pub(super) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into() }
    }
}

/// Bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes from hexadecimal of either case.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_these_forms() {
        let hash = BlockHash::new([0xab; 32]);
        for (request, text) in [
            (Request::Status, r#"{"op":"status"}"#.to_owned()),
            (Request::Header(Select::Height(7)), r#"{"op":"header","height":7}"#.to_owned()),
            (
                Request::Block(Select::Hash(hash)),
                format!(r#"{{"op":"block","hash":"{}"}}"#, "ab".repeat(32)),
            ),
        ] {
            assert_eq!(serde_json::to_string(&request).unwrap(), text);
            assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
        }
    }

    #[test]
    fn what_older_versions_say_is_understood() {
        let line = r#"{"op":"submit_transaction","transaction":"00"}"#;
        let submit = Request::SubmitTransaction { transaction: "00".to_owned(), replace: true };
        assert_eq!(serde_json::from_str::<Request>(line).unwrap(), submit);
        let identity = Identity::new([7; 33]);
        let old = format!(r#"{{"identity":"{identity}","balance":5,"nonce":2}}"#);
        let reply = AccountReply { identity, balance: 5, nonce: 2, outlook: None };
        assert_eq!(serde_json::from_str::<AccountReply>(&old).unwrap(), reply);
        assert_eq!(serde_json::to_string(&reply).unwrap(), old);
        let (next_nonce, spendable, tip, height) = (3, 1, BlockHash::ZERO, 9);
        let outlook = Some(Outlook { next_nonce, spendable, tip, height });
        let reply = AccountReply { outlook, ..reply };
        let text = serde_json::to_string(&reply).unwrap();
        assert!(text.starts_with(old.trim_end_matches('}')), "{text}");
        assert_eq!(serde_json::from_str::<AccountReply>(&text).unwrap(), reply);
    }

    #[test]
    fn hex_comes_back() {
        assert_eq!(unhex(&hex(&[0, 15, 255])), Some(vec![0, 15, 255]));
        assert_eq!(unhex("0F"), Some(vec![15]));
        for bad in ["0", "0g", "é"] {
            assert_eq!(unhex(bad), None);
        }
    }
}
