//! The transport `node`: mines on the chain of one or several nodes, over TCP
//! or TLS, and believes nothing that it has not checked, unless told to.

#![deny(unsafe_code)]

mod backoff;
mod config;
mod dial;
mod link;
mod notices;
mod peer;

use spacetime_sdk::{Error, Port, Result, Transport, TransportContext, async_trait};

use crate::{
    config::{Config, Follow, Settings},
    dial::Dialler,
};

struct Node {
    settings: Settings,
    dialler: Dialler,
    agent: String,
}

#[async_trait]
impl Transport for Node {
    type Config = Config;

    fn open(config: Config, context: &TransportContext) -> Result<Self> {
        let settings = Settings::new(config, context)?;
        let dialler = Dialler::new(settings.tls.as_ref())
            .map_err(|reason| Error::field("tls", format_args!("cannot be used: {reason}")))?;
        Ok(Self { settings, dialler, agent: context.agent.clone() })
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        match self.settings.follow {
            Follow::Notices => {
                notices::run(self.settings.clone(), self.dialler.clone(), &self.agent, port).await
            }
            Follow::Verified => Err(Error::new("not there yet")),
        }
    }
}

spacetime_sdk::export_plugin! {
    transport "node": Node, "Mines on the chain of one or several nodes, over TCP";
}
