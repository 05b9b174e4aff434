//! What the manifest may say of this transport, and what it means.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer};
use spacetime_sdk::{Error, Result, TransportContext};

use crate::peer::Peer;

/// A difficulty above this has no wire form.
const MAX_DIFFICULTY: u64 = spacetime_sdk::protocol::MAX_NUMBER;

/// The component's config; without one, the manifest's node is followed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    /// The node; empty: the manifest's `node_address`.
    address: String,
    /// More nodes of the same chain.
    peers: Vec<String>,
    follow: Follow,
    /// With [`Follow::Notices`]: of every block; 0: not known.
    difficulty: u64,
    #[serde(deserialize_with = "given")]
    tls: Option<Tls>,
    /// Longest pause between attempts to connect, seconds; 0: the default.
    longest_pause_seconds: u64,
}

/// What a miner believes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Follow {
    /// Only what follows from blocks that it has checked.
    #[default]
    Verified,
    /// Every notice of an accepted block.
    Notices,
}

/// How connections are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Tls {
    /// PEM file with the certificates to trust; empty: the system's.
    pub(crate) ca_file: PathBuf,
    /// The name in the node's certificate; empty: the address's.
    pub(crate) server_name: String,
}

/// A value that need not be written as `Some(…)`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// A config that makes sense.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) peers: Vec<Peer>,
    pub(crate) follow: Follow,
    pub(crate) difficulty: Option<u64>,
    pub(crate) tls: Option<Tls>,
    pub(crate) longest_pause: Duration,
}

impl Settings {
    pub(crate) fn new(config: Config, context: &TransportContext) -> Result<Self> {
        let Config { address, peers, follow, difficulty, tls, longest_pause_seconds } = config;
        let named = match (&*address, &context.node_address) {
            ("", None) if peers.is_empty() => {
                let hint = "must be given, here or as the manifest's node_address";
                return Err(Error::field("address", hint));
            }
            ("", None) => None,
            ("", Some(address)) if peers.is_empty() => Some(("node_address", address.as_str())),
            ("", Some(_)) => None,
            (address, _) => Some(("address", address)),
        };
        let parse = |field: &str, text: &str, port| {
            Peer::parse(text, port).map_err(|must| Error::field(field, must))
        };
        let mut nodes = Vec::new();
        if let Some((field, address)) = named {
            nodes.push(parse(field, address, context.node_port)?);
        }
        for (at, peer) in peers.iter().enumerate() {
            nodes.push(parse(&format!("peers[{at}]"), peer, None)?);
        }
        check_difficulty(difficulty, follow)?;
        let longest_pause = match longest_pause_seconds {
            0 => crate::backoff::LONGEST,
            1..=3600 => Duration::from_secs(longest_pause_seconds),
            _ => return Err(Error::field("longest_pause_seconds", "must be 1 to 3600")),
        };
        let difficulty = (difficulty > 0).then_some(difficulty);
        Ok(Self { peers: nodes, follow, difficulty, tls, longest_pause })
    }
}

fn check_difficulty(difficulty: u64, follow: Follow) -> Result<()> {
    if difficulty > 0 && follow == Follow::Verified {
        let must = "is only for `follow: notices`: a verified chain says its own";
        return Err(Error::field("difficulty", must));
    }
    if difficulty > MAX_DIFFICULTY {
        return Err(Error::field("difficulty", format_args!("must be 1 to {MAX_DIFFICULTY}")));
    }
    Ok(())
}
