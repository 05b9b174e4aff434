//! Which network: built in, or a file's.

use std::path::{Path, PathBuf};

use clap::Args;
use spacetime_protocol::network::Network;

use super::Failure;

#[derive(Args)]
pub(crate) struct Choice {
    /// A built-in network: local, mainnet, testnet, devnet, or the id of one
    #[arg(long, value_name = "NAME", default_value = "local", conflicts_with = "network_file")]
    network: String,
    /// A file with the JSON that `spacetime-node genesis --json` prints
    #[arg(long, value_name = "FILE")]
    network_file: Option<PathBuf>,
}

impl Choice {
    pub(crate) fn read(&self) -> Result<Network, Failure> {
        match &self.network_file {
            Some(file) => read(file),
            None => named(&self.network),
        }
    }
}

fn named(name: &str) -> Result<Network, Failure> {
    Network::named(name).ok_or_else(|| {
        let names = Network::NAMES.join(", ");
        let message = format!(
            "there is no built-in network `{name}`: choose one of {names}, \
             or name a file with --network-file"
        );
        Failure::new(2, message)
    })
}

fn read(file: &Path) -> Result<Network, Failure> {
    let path = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(3, format!("cannot read network file {path}: {error}")))?;
    Network::from_json(&text).map_err(|error| {
        let hint = "`spacetime-node genesis --json` prints a valid one";
        Failure::new(3, format!("network file {path}: {error}; {hint}"))
    })
}
