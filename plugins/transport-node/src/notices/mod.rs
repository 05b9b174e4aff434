//! Following notices: each names a block, and the next one is mined on it,
//! whatever it is. For nodes that say nothing else, as the reference's.

mod desk;
mod pool;
#[cfg(test)]
mod tests;

use std::time::Duration;

use spacetime_node::net::{Address, steady_ms};
use spacetime_sdk::{
    Error, EventSender, Port, Result,
    tokio::{self, sync::mpsc, task::JoinSet, time},
    tracing,
};

use self::desk::{Action, Desk};
use crate::{
    blame::Blame,
    config::Settings,
    link::{Link, Outgoing, Said},
};

/// Pending transactions are told at most so often, but with a new tip; and what
/// waits for its turn is looked at so often.
const PAUSE: Duration = Duration::from_millis(200);
/// What the ends of the connections may take.
const CLOSE: Duration = Duration::from_millis(500);
/// What links have to say and may wait.
const SAID: usize = 64;

/// Serves a session until the host closes it.
///
/// # Errors
/// No node could be reached to begin with; later they are tried for ever.
pub(crate) async fn run(settings: Settings, agent: &str, port: &mut Port) -> Result<()> {
    let (sender, said) = mpsc::channel(SAID);
    let mut links = JoinSet::new();
    for (number, node) in settings.nodes.iter().enumerate() {
        let link = Link {
            number,
            node: node.clone(),
            tls: settings.tls.clone(),
            agent: agent.to_owned(),
            backoff: settings.backoff(),
            said: sender.clone(),
        };
        links.spawn(link.serve());
    }
    // Theirs are all that is left.
    drop(sender);
    let session = Session {
        desk: Desk::new(settings.nodes.len(), settings.difficulty),
        blame: Blame::default(),
        events: port.sender(),
        writers: vec![None; settings.nodes.len()],
        failed: vec![None; settings.nodes.len()],
        was_up: false,
        nodes: settings.nodes,
    };
    let ended = session.serve(said, port).await;
    // They see that nobody listens any more, and close their connections.
    let _ = time::timeout(CLOSE, async { while links.join_next().await.is_some() {} }).await;
    ended
}

struct Session {
    desk: Desk,
    blame: Blame,
    events: EventSender,
    /// Where frames for a node go while it is connected.
    writers: Vec<Option<mpsc::Sender<Outgoing>>>,
    /// Why each node could not be reached, before the first was.
    failed: Vec<Option<String>>,
    was_up: bool,
    nodes: Vec<Address>,
}

impl Session {
    async fn serve(
        mut self,
        mut said: mpsc::Receiver<(usize, Said)>,
        port: &mut Port,
    ) -> Result<()> {
        // One that goes on however much is heard in between.
        let mut turns = time::interval(PAUSE);
        turns.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = said.recv() => match heard {
                    Some((link, said)) => self.heard(link, said).await?,
                    None => return Err(Error::new("its links have ended")),
                },
                request = port.next_request() => match request {
                    Some(request) => {
                        let actions = self.desk.request(request);
                        self.act(actions).await?;
                    }
                    None => return Ok(()),
                },
                _ = turns.tick(), if self.desk.has_more() => {
                    let actions = self.desk.take_turn(steady_ms());
                    self.act(actions).await?;
                }
            }
        }
    }

    async fn heard(&mut self, link: usize, said: Said) -> Result<()> {
        let actions = match said {
            Said::Up(writer) => {
                self.writers[link] = Some(writer);
                self.was_up = true;
                tracing::info!("connected to {}", self.nodes[link]);
                self.desk.up(link, &self.nodes[link].to_string())
            }
            Said::Heard(messages) => {
                self.blame.forgive(&self.nodes[link].to_string());
                self.desk.heard(link, messages, steady_ms())
            }
            Said::Written { delivery, is_ok } => self.desk.written(link, delivery, is_ok),
            Said::Down { reason, is_blamed } => self.down(link, reason, is_blamed)?,
        };
        self.act(actions).await
    }

    fn down(&mut self, link: usize, reason: String, is_blamed: bool) -> Result<Vec<Action>> {
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
        let node = self.nodes[link].to_string();
        if is_blamed && self.desk.has_others_than(link) {
            self.blame.tell(&node, &reason);
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
