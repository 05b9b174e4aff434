//! The transport `solo`: a chain of the miner's own, kept in its data
//! directory and embedded in the miner. Its blocks need nobody's consent but
//! the rules'.

#![deny(unsafe_code)]

mod answer;
mod session;

use std::path::PathBuf;

use serde::Deserialize;
use spacetime_sdk::protocol::network::Network;
use spacetime_sdk::{Port, Result, Transport, TransportContext, async_trait};

/// There is nothing to configure: network and data directory are the miner's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {}

struct Solo {
    network: Network,
    directory: PathBuf,
}

#[async_trait]
impl Transport for Solo {
    type Config = Config;

    fn open(_: Config, context: &TransportContext) -> Result<Self> {
        let (network, directory) = (context.network.clone(), context.data_directory.clone());
        Ok(Self { network, directory })
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        session::run(self.network.clone(), &self.directory, port).await
    }
}

spacetime_sdk::export_plugin! {
    transport "solo": Solo, "Mines on a chain of its own, embedded in the miner";
}
