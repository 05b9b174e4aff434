//! What the manifest may say of this transport, and what it means.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use spacetime_node::net::{self, Address, Backoff, Hub, Keep};
use spacetime_sdk::{
    Error, Result, Schema, TransportContext,
    protocol::{MAX_NUMBER, wire::DEFAULT_PORT},
};

/// The first pause before a node is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between attempts to connect, unless the config says
/// another.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The component's config; without one, the manifest's node is followed.
#[derive(Debug, Default, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Config {
    /// The node, `HOST` or `HOST:PORT`; the manifest's `node_address` if it is
    /// not given.
    address: String,
    /// More nodes of the same chain.
    #[schema(default = [])]
    peers: Vec<String>,
    /// What is believed.
    #[schema(default = verified)]
    follow: Follow,
    /// With `follow: notices`: of every block; left out where it is not known.
    #[serde(deserialize_with = "given")]
    #[schema(as = u64, min = 1, max = MAX_NUMBER)]
    difficulty: Option<u64>,
    /// How connections are encrypted; not at all if it is not given.
    #[serde(deserialize_with = "given")]
    #[schema(as = Tls)]
    tls: Option<Tls>,
    /// Longest pause between two attempts to connect with a node, in seconds.
    #[serde(deserialize_with = "given")]
    #[schema(as = u64, min = 1, max = 3600, default = 60)]
    longest_pause_seconds: Option<u64>,
}

/// What a miner believes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Schema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Follow {
    /// Only what follows from blocks that it has checked.
    #[default]
    Verified,
    /// Every notice of an accepted block.
    Notices,
}

/// How connections are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Schema)]
#[serde(default)]
struct Tls {
    /// PEM file with the certificates to trust, relative to the manifest; the
    /// system's if it is not given.
    ca_file: String,
    /// The name in the node's certificate; the address's if it is not given.
    server_name: String,
}

/// A value that need not be written as `Some(…)`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// A config that makes sense.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) nodes: Vec<Address>,
    pub(crate) follow: Follow,
    /// Of every block, where blocks are built on notices.
    pub(crate) difficulty: Option<u64>,
    pub(crate) tls: Option<net::Tls>,
    pub(crate) longest_pause: Duration,
}

impl Settings {
    pub(crate) fn new(config: Config, context: &TransportContext) -> Result<Self> {
        let Config { address, peers, follow, difficulty, tls, longest_pause_seconds } = config;
        check_difficulty(difficulty, follow)?;
        let longest_pause = longest_pause_seconds.map_or(LONGEST_PAUSE, Duration::from_secs);
        Ok(Self {
            nodes: nodes(&address, &peers, context)?,
            follow,
            difficulty,
            tls: tls.map(|tls| tls.load()).transpose()?,
            longest_pause,
        })
    }

    /// The pauses between attempts to reach a node.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(FIRST_PAUSE, self.longest_pause)
    }

    /// Dials every node, again and again.
    pub(crate) fn keep_nodes(&self, hub: &Hub) {
        for address in &self.nodes {
            let (address, tls) = (address.clone(), self.tls.clone());
            net::keep(hub, Keep { address, tls, backoff: self.backoff() });
        }
    }
}

/// Whom to follow: who was chosen for a question, what the config says, or
/// else the manifest.
fn nodes(address: &str, peers: &[String], context: &TransportContext) -> Result<Vec<Address>> {
    if let (true, Some(chosen)) = (context.node_is_chosen, &context.node_address) {
        return Ok(vec![manifest_node(chosen, context.node_port)?]);
    }
    let mut nodes = Vec::new();
    if !address.is_empty() {
        nodes.push(node("address", address)?);
    }
    for (at, peer) in peers.iter().enumerate() {
        nodes.push(node(&format!("peers[{at}]"), peer)?);
    }
    match &context.node_address {
        Some(address) if nodes.is_empty() => nodes.push(manifest_node(address, context.node_port)?),
        None if nodes.is_empty() => {
            let must = "must be given, here or as the manifest's node_address and node_port";
            return Err(Error::field("address", must));
        }
        _ => {}
    }
    Ok(nodes)
}

fn node(field: &str, text: &str) -> Result<Address> {
    let wrong = |reason: &dyn std::fmt::Display| {
        let must = "must be a host and a port, such as \"example.org:8333\" or \"[::1]:8333\"";
        Error::field(field, format_args!("{must}: {reason}"))
    };
    let address: Address = text.parse().map_err(|error| wrong(&error))?;
    if address.port() == 0 {
        return Err(wrong(&"nobody listens on port 0"));
    }
    Ok(address)
}

fn manifest_node(text: &str, port: Option<u16>) -> Result<Address> {
    let address = node("node_address", text)?;
    let Some(port) = port else { return Ok(address) };
    if address.port() != DEFAULT_PORT && address.port() != port {
        let must = format!("says port {}, node_port says {port}: leave one out", address.port());
        return Err(Error::field("node_address", must));
    }
    Ok(Address::new(address.host(), port))
}

impl Tls {
    fn load(&self) -> Result<net::Tls> {
        let authorities = (!self.ca_file.is_empty()).then(|| spacetime_sdk::path(&self.ca_file));
        let name = (!self.server_name.is_empty()).then_some(self.server_name.as_str());
        net::Tls::new(authorities.as_deref(), name)
            .map_err(|error| Error::field("tls", format_args!("cannot be used: {error}")))
    }
}

fn check_difficulty(difficulty: Option<u64>, follow: Follow) -> Result<()> {
    if difficulty.is_some() && follow == Follow::Verified {
        let must = "is only for `follow: notices`: a verified chain says its own";
        return Err(Error::field("difficulty", must));
    }
    Ok(())
}
