//! What the commands that ask the chain share: whom they ask, and how they
//! show what became of a transaction.

use std::{fmt, str::FromStr};

use serde::Serialize;
use spacetime_protocol::{
    BlockHash, Identity,
    ask::{Answer, Fate, Question},
};

use super::{Exit, Failure, manifest::ManifestArgs};
use crate::{
    manifest::Manifest,
    payment::PaymentError,
    plugin::{ChainAccess, ChainError, Whom},
};

/// The transport that `--node` uses. It need not be in the manifest.
const NODE_TRANSPORT: &str = "node";

/// Whom a command asks.
#[derive(Debug, clap::Args)]
pub(super) struct ChainArgs {
    #[command(flatten)]
    pub(super) manifest: ManifestArgs,
    /// Ask the manifest's transport of this name [default: the first that answers]
    #[arg(long, value_name = "NAME", conflicts_with = "node")]
    transport: Option<String>,
    /// Ask this node and nobody else, beside a running miner too, through the transport `node` with
    /// the manifest's config (TLS, say): HOST, HOST:PORT or [IPV6]:PORT
    #[arg(long, value_name = "ADDR")]
    node: Option<NodeAddress>,
}

impl ChainArgs {
    /// The way to the chain, for whoever has this identity.
    pub(super) fn open(
        &self,
        manifest: &Manifest,
        identity: &Identity,
    ) -> Result<ChainAccess, Failure> {
        let whom = match (&self.transport, &self.node) {
            (Some(name), _) => Whom::Named(name.clone()),
            (None, Some(NodeAddress { address, port })) => Whom::Node {
                transport: NODE_TRANSPORT.to_owned(),
                address: address.clone(),
                port: *port,
            },
            (None, None) => Whom::First,
        };
        Ok(ChainAccess::open(manifest, &whom, identity)?)
    }
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        let exit = match error {
            ChainError::NoTransports(_) | ChainError::Network(_) => Exit::Manifest,
            ChainError::Unknown { .. } => Exit::NotFound,
            ChainError::Plugins(_) | ChainError::Config(_) => Exit::Plugin,
            ChainError::NoAnswer(_) => Exit::Chain,
        };
        Self::new(exit, error)
    }
}

impl From<PaymentError> for Failure {
    fn from(error: PaymentError) -> Self {
        Self::new(Exit::Refused, error)
    }
}

/// An address of `--node`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NodeAddress {
    address: String,
    port: Option<u16>,
}

impl FromStr for NodeAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, "")) => (address, None),
            Some((address, rest)) => (address, Some(rest.strip_prefix(':').unwrap_or(rest))),
            None => match text.split_once(':') {
                // A colon more: an IPv6 address without a port.
                Some((_, rest)) if rest.contains(':') => (text, None),
                Some((address, port)) => (address, Some(port)),
                None => (text, None),
            },
        };
        let forms = "it is HOST, HOST:PORT or [IPV6]:PORT, with a port from 1 to 65535";
        if address.is_empty() || address.contains(['[', ']', '/', ' ']) {
            return Err(forms.to_owned());
        }
        let port = match port.map(str::parse) {
            None => None,
            Some(Ok(0) | Err(_)) => return Err(forms.to_owned()),
            Some(Ok(port)) => Some(port),
        };
        Ok(Self { address: address.to_owned(), port })
    }
}

/// An answer to another question than was asked.
pub(super) fn unexpected(chain: &ChainAccess, question: &Question, answer: &Answer) -> Failure {
    let message = format!(
        "transport `{}` answers another question than was asked ({question:?}: {answer:?}): its \
         plugin is at fault",
        chain.transport()
    );
    Failure::new(Exit::Plugin, message)
}

/// Asks what became of a transaction.
pub(super) fn fate(
    chain: &mut ChainAccess,
    hash: spacetime_protocol::TxHash,
) -> Result<Standing, Failure> {
    let question = Question::Transaction(hash);
    match chain.ask(&question)? {
        Answer::Transaction(fate) => Ok(Standing::of(fate)),
        other => Err(unexpected(chain, &question, &other)),
    }
}

/// What became of a transaction, as documents have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Standing {
    pub(super) status: Status,
    block: Option<BlockHash>,
    height: Option<u64>,
    confirmations: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Unknown,
    Pending,
    InBlock,
}

impl Standing {
    pub(super) fn of(fate: Fate) -> Self {
        let status = |status| Self { status, block: None, height: None, confirmations: 0 };
        match fate {
            Fate::Pending => status(Status::Pending),
            Fate::InBlock { block, height, confirmations } => {
                let (block, height) = (Some(block), Some(height));
                Self { status: Status::InBlock, block, height, confirmations }
            }
            _ => status(Status::Unknown),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, self.block, self.height) {
            (Status::InBlock, Some(block), Some(height)) => {
                let confirmations = crate::observe::count(self.confirmations, "confirmation");
                write!(f, "in block {height} with {confirmations}\nblock   {block}")
            }
            (Status::Pending, ..) => f.write_str("pending"),
            _ => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_addresses_have_a_host_and_perhaps_a_port() {
        for (text, address, port) in [
            ("node.example", "node.example", None),
            ("node.example:4242", "node.example", Some(4242)),
            ("10.0.0.1:1", "10.0.0.1", Some(1)),
            ("::1", "::1", None),
            ("[::1]", "::1", None),
            ("[fe80::1]:65535", "fe80::1", Some(65535)),
        ] {
            let expected = NodeAddress { address: address.to_owned(), port };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for bad in ["", ":1", "host:", "host:0", "host:65536", "host:x", "[::1]x", "[::1", "a b"] {
            assert!(bad.parse::<NodeAddress>().is_err(), "{bad}");
        }
    }
}
