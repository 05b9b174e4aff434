//! Following notices: each names a block, and the next one is mined on it,
//! whatever it is. For nodes that say nothing else, as the reference's.

mod desk;
mod pool;
#[cfg(test)]
mod tests;

use std::time::Duration;

use spacetime_node::net::Address;
use spacetime_sdk::{
    Error, EventSender, Port, Result,
    tokio::{self, sync::mpsc, time},
    tracing,
};

use self::desk::{Action, Desk};
use crate::{
    config::Settings,
    link::{Link, Outgoing, Said},
};

/// Pending transactions are told at most so often, but with a new tip.
const CANDIDATES_PAUSE: Duration = Duration::from_millis(200);
/// What links have to say and may wait.
const SAID: usize = 64;

/// Serves a session until the host closes it.
///
/// # Errors
/// No node could be reached to begin with; later they are tried for ever.
pub(crate) async fn run(settings: Settings, agent: &str, port: &mut Port) -> Result<()> {
    let (sender, mut said) = mpsc::channel(SAID);
    for (number, node) in settings.nodes.iter().enumerate() {
        let link = Link {
            number,
            node: node.clone(),
            tls: settings.tls.clone(),
            agent: agent.to_owned(),
            backoff: settings.backoff(),
            said: sender.clone(),
        };
        tokio::spawn(link.serve());
    }
    let mut session = Session {
        desk: Desk::new(settings.nodes.len(), settings.difficulty),
        events: port.sender(),
        writers: vec![None; settings.nodes.len()],
        failed: vec![None; settings.nodes.len()],
        was_up: false,
        nodes: settings.nodes,
    };
    loop {
        let due = session.desk.is_pool_new;
        tokio::select! {
            heard = said.recv() => match heard {
                Some((link, said)) => session.heard(link, said).await?,
                None => return Err(Error::new("its links have ended")),
            },
            request = port.next_request() => match request {
                Some(request) => {
                    let actions = session.desk.request(request);
                    session.act(actions).await?;
                }
                None => return Ok(()),
            },
            () = time::sleep(CANDIDATES_PAUSE), if due => {
                let candidates = session.desk.candidates().map(Action::Emit);
                session.act(candidates.into_iter().collect()).await?;
            }
        }
    }
}

struct Session {
    desk: Desk,
    events: EventSender,
    /// Where frames for a node go while it is connected.
    writers: Vec<Option<mpsc::Sender<Outgoing>>>,
    /// Why each node could not be reached, before the first was.
    failed: Vec<Option<String>>,
    was_up: bool,
    nodes: Vec<Address>,
}

impl Session {
    async fn heard(&mut self, link: usize, said: Said) -> Result<()> {
        let actions = match said {
            Said::Up(writer) => {
                self.writers[link] = Some(writer);
                self.was_up = true;
                tracing::info!("connected to {}", self.nodes[link]);
                self.desk.up(link, &self.nodes[link].to_string())
            }
            Said::Heard(messages) => self.desk.heard(link, messages),
            Said::Written { delivery, is_ok } => self.desk.written(link, delivery, is_ok),
            Said::Down { reason } => self.down(link, reason)?,
        };
        self.act(actions).await
    }

    fn down(&mut self, link: usize, reason: String) -> Result<Vec<Action>> {
        if self.writers[link].take().is_some() {
            tracing::warn!("{reason}");
        } else {
            tracing::debug!("{reason}");
        }
        if !self.was_up {
            self.failed[link] = Some(reason.clone());
            if self.failed.iter().all(Option::is_some) {
                let reasons: Vec<String> = self.failed.drain(..).flatten().collect();
                return Err(Error::new(reasons.join("; ")));
            }
        }
        Ok(self.desk.down(link, reason))
    }

    async fn act(&mut self, actions: Vec<Action>) -> Result<()> {
        for action in actions {
            match action {
                Action::Emit(event) => self.events.emit(event).await?,
                Action::Write { link, delivery, frame } => {
                    let outgoing = Outgoing { delivery, frame };
                    let writer = self.writers[link].as_ref();
                    if writer.is_none_or(|writer| writer.try_send(outgoing).is_err()) {
                        // Emits only.
                        for action in self.desk.written(link, delivery, false) {
                            if let Action::Emit(event) = action {
                                self.events.emit(event).await?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
