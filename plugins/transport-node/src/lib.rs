//! The transport `node`: mines on the chain of one or several nodes, over TCP
//! or TLS, and believes nothing that it has not checked, unless told to.

#![deny(unsafe_code)]

mod ask;
mod blame;
mod check;
mod config;
mod link;
mod notices;
mod verified;

use spacetime_sdk::{Answer, Port, Question, Result, Transport, TransportContext, async_trait};

use crate::{
    config::{Config, Follow, Settings},
    verified::Session,
};

struct Node {
    settings: Settings,
    session: Session,
}

#[async_trait]
impl Transport for Node {
    type Config = Config;

    fn open(config: Config, context: &TransportContext) -> Result<Self> {
        let session = Session {
            network: context.network.clone(),
            directory: context.data_directory.clone(),
            agent: context.agent.clone(),
        };
        Ok(Self { settings: Settings::new(config, context)?, session })
    }

    fn check(config: Config, context: &TransportContext) -> Result<String> {
        check::check(&Settings::new(config, context)?, context)
    }

    fn ask(config: Config, context: &TransportContext, question: Question) -> Result<Answer> {
        ask::ask(&Settings::new(config, context)?, context, &question)
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        match self.settings.follow {
            Follow::Notices => notices::run(self.settings.clone(), &self.session.agent, port).await,
            Follow::Verified => self.session.run(&self.settings, port).await,
        }
    }
}

spacetime_sdk::export_plugin! {
    transport "node": Node, "Mines on the chain of one or several nodes, over TCP";
}
