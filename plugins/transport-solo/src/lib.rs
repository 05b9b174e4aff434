//! The transport `solo`: a chain of the miner's own, kept in its data
//! directory and embedded in the miner. Its blocks need nobody's consent but
//! the rules'.

#![deny(unsafe_code)]

mod answer;
mod session;

use std::path::PathBuf;

use serde::Deserialize;
use spacetime_node::ask;
use spacetime_node::local::{self, Status};
use spacetime_sdk::protocol::network::Network;
use spacetime_sdk::{
    Answer, Port, Question, Result, Schema, Transport, TransportContext, async_trait,
};

/// There is nothing to configure: network and data directory are the miner's.
#[derive(Default, Deserialize, Schema)]
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

    fn check(_: Config, context: &TransportContext) -> Result<String> {
        let directory = &context.data_directory;
        let place = directory.display();
        Ok(match local::status(directory, &context.network)? {
            None => format!("no chain in {place} yet: the first run makes it"),
            Some(Status { height, pid: Some(pid), .. }) => {
                format!("chain at height {height} in {place}, run by process {pid}")
            }
            Some(Status { height, .. }) => format!("chain at height {height} in {place}"),
        })
    }

    fn ask(_: Config, context: &TransportContext, question: Question) -> Result<Answer> {
        Ok(ask::answer(&context.data_directory, &context.network, &question)?)
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        session::run(self.network.clone(), &self.directory, port).await
    }
}

spacetime_sdk::export_plugin! {
    transport "solo": Solo, "Mines on a chain of its own, embedded in the miner";
}
