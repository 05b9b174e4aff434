//! Following a chain that is checked: a whole one, kept in the data directory
//! and synchronised from the nodes. The host sees it as an embedded chain.

mod own;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use spacetime_node::{
    Candidates, Feed, News, Service,
    net::{self, Address, Hub, Lost, Options, PeerId, Written},
};
use spacetime_sdk::{
    Error, Event, Port, Request, Result, Verdict,
    protocol::{BlockHash, block::Block, network::Network},
    tokio::{
        self,
        sync::mpsc,
        task::{self, JoinSet},
    },
    tracing,
};

use self::own::{Fate, Own, OwnBlocks, fate};
use crate::{
    ask::of_node,
    blame::{Blame, blames},
    config::Settings,
};

/// What the nodes have to say and may wait.
const EVENTS: usize = 256;

/// What a session is for.
pub(crate) struct Session {
    pub(crate) network: Network,
    pub(crate) directory: PathBuf,
    pub(crate) agent: String,
}

impl Session {
    /// Serves until the host closes the session.
    ///
    /// # Errors
    /// The chain cannot be opened, or no node could be followed to begin with;
    /// later they are tried for ever.
    pub(crate) async fn run(&self, settings: &Settings, port: &mut Port) -> Result<()> {
        let (folder, network) = (self.directory.clone(), self.network.clone());
        let service = blocking(move || Service::open(&folder, network)).await??;
        // Closed, and its record removed, with the session. Mining does without it.
        #[cfg(unix)]
        let _server = spacetime_node::local::Server::start(service.clone(), &self.directory)
            .inspect_err(|error| tracing::warn!("other commands cannot reach this chain: {error}"))
            .ok();
        let (sender, events) = mpsc::channel(EVENTS);
        let running = Hub::start(service.clone(), Options::miner(&self.agent, sender));
        settings.keep_nodes(running.hub());
        let began_at = tip(&service).await?;
        let following = Following {
            service,
            hub: running.hub().clone(),
            port,
            directory: &self.directory,
            nodes: settings.nodes.len(),
            last_tip: began_at,
            names: BTreeMap::new(),
            synced: BTreeSet::new(),
            failed: BTreeMap::new(),
            blame: Blame::default(),
            left_behind: BTreeMap::new(),
            feed: None,
            own: OwnBlocks::default(),
            sending: JoinSet::new(),
        };
        let result = following.serve(events).await;
        running.stop().await;
        result
    }
}

struct Following<'a> {
    service: Service,
    hub: Hub,
    port: &'a mut Port,
    directory: &'a Path,
    nodes: usize,
    /// The tip when the session began, or a node was last lost.
    last_tip: BlockHash,
    /// What the connected nodes are called.
    names: BTreeMap<PeerId, String>,
    /// Those that have no block that we lack.
    synced: BTreeSet<PeerId>,
    /// Why each node could not be followed, before the first was.
    failed: BTreeMap<String, Failed>,
    blame: Blame,
    /// Why nodes cannot take what is won.
    left_behind: BTreeMap<PeerId, String>,
    /// `None`: no node has been followed yet, and the chain may be old.
    feed: Option<Feed>,
    own: OwnBlocks,
    sending: JoinSet<Sent>,
}

/// Why a node could not be followed.
struct Failed {
    reason: String,
    /// Whether that is its own doing.
    is_blamed: bool,
}

/// What came of sending a block.
struct Sent {
    ticket: u64,
    to: Option<PeerId>,
    written: Result<Vec<Written>, String>,
}

impl Following<'_> {
    async fn serve(mut self, mut events: mpsc::Receiver<net::Event>) -> Result<()> {
        let mut changes = self.service.subscribe();
        loop {
            tokio::select! {
                request = self.port.next_request() => match request {
                    Some(request) => self.request(request).await?,
                    None => return Ok(()),
                },
                event = events.recv() => match event {
                    Some(event) => self.heard(event).await?,
                    None => return Err(Error::new("the connections have ended")),
                },
                news = next(&mut self.feed) => self.port.emit(tell(news?)).await?,
                Some(sent) = self.sending.join_next() => self.sent(sent?).await?,
                changed = changes.changed(), if !self.own.all().is_empty() => {
                    changed?;
                    changes.borrow_and_update();
                    self.judge().await?;
                }
            }
        }
    }

    async fn request(&mut self, request: Request) -> Result<()> {
        match request {
            Request::SubmitBlock { ticket, block } => match Block::decode(&block) {
                Ok(block) => {
                    self.own.keep(Own { ticket, block: block.clone() });
                    self.send(ticket, block, None);
                    // It may have become useless on its way here.
                    self.judge().await
                }
                Err(error) => {
                    self.answer(ticket, Verdict::Rejected, format!("not a block: {error}")).await
                }
            },
            Request::SubmitProof { ticket, .. } => {
                let reason = "a verified chain wants blocks, not proofs".to_owned();
                self.answer(ticket, Verdict::Rejected, reason).await
            }
            Request::FetchHeaders { locator } => {
                if let Some(feed) = &mut self.feed {
                    feed.ask(locator);
                }
                Ok(())
            }
            // Of a newer host, which does not depend on an answer.
            _ => Ok(()),
        }
    }

    async fn answer(&mut self, ticket: u64, verdict: Verdict, reason: String) -> Result<()> {
        self.port.emit(Event::Verdict { ticket, verdict, reason }).await
    }

    /// Sends a block to all nodes, or to one, whatever each of them takes.
    fn send(&mut self, ticket: u64, block: Block, to: Option<PeerId>) {
        let hub = self.hub.clone();
        self.sending.spawn(async move {
            let written = hub.send_block(&block, to).await.map_err(|error| error.to_string());
            Sent { ticket, to, written }
        });
    }

    async fn sent(&mut self, sent: Sent) -> Result<()> {
        let Sent { ticket, to, written } = sent;
        let (verdict, reason) = match written {
            Err(reason) => (Verdict::Rejected, reason),
            Ok(written) if to.is_none() && !written.iter().any(|written| written.written) => {
                let reason = "no node was there to take it".to_owned();
                (Verdict::Undelivered, reason)
            }
            Ok(_) => return self.give_up().await,
        };
        match self.own.take(ticket) {
            true => self.answer(ticket, verdict, reason).await,
            false => Ok(()),
        }
    }

    /// Answers blocks whose fate has been decided.
    async fn judge(&mut self) -> Result<()> {
        let (service, open) = (self.service.clone(), self.own.all().to_vec());
        let fates = blocking(move || {
            let fate = |own: &Own| Ok((own.ticket, fate(&service, &own.block)?));
            open.iter().map(fate).collect::<Result<Vec<_>>>()
        });
        for (ticket, fate) in fates.await?? {
            let (verdict, reason) = match fate {
                Fate::Open => continue,
                Fate::Accepted => (Verdict::Accepted, String::new()),
                Fate::Stale => {
                    (Verdict::Stale, "another block is preferred at this height".to_owned())
                }
            };
            self.own.take(ticket);
            self.answer(ticket, verdict, reason).await?;
        }
        Ok(())
    }

    async fn heard(&mut self, event: net::Event) -> Result<()> {
        match event {
            net::Event::Connected { peer, address, dialled } => {
                let name = dialled.map_or_else(|| address.to_string(), |name| name.to_string());
                self.names.insert(peer, name);
                // What was lost with the connection before may still count.
                for Own { ticket, block } in self.own.all().to_vec() {
                    self.send(ticket, block, Some(peer));
                }
                Ok(())
            }
            net::Event::Synced { peer } => self.synced(peer).await,
            net::Event::LeftBehind { peer, missing } => {
                let name = self.names.get(&peer).cloned().unwrap_or_default();
                let reason = format!(
                    "{name} has {missing} blocks fewer than our chain and asks for none; it cannot \
                     take our blocks until it has them"
                );
                self.blame.tell(&name, &reason);
                self.left_behind.insert(peer, format!("node {reason}"));
                self.give_up().await
            }
            net::Event::BlockAccepted { peer, hash, .. }
                if self.left_behind.contains_key(&peer) && tip(&self.service).await? == hash =>
            {
                self.left_behind.remove(&peer);
                Ok(())
            }
            net::Event::Lost { peer, reason, .. } => self.lost(peer, &reason.to_string()).await,
            net::Event::Unreachable { address, reason, lost, .. } => {
                self.unreachable(&address, &reason, lost.as_ref()).await
            }
            _ => Ok(()),
        }
    }

    /// Answers what is open when no node can take it.
    async fn give_up(&mut self) -> Result<()> {
        let Some(reason) = self.left_behind.values().next().cloned() else { return Ok(()) };
        if self.names.keys().any(|peer| !self.left_behind.contains_key(peer)) {
            return Ok(());
        }
        for Own { ticket, .. } in self.own.all().to_vec() {
            self.own.take(ticket);
            self.answer(ticket, Verdict::Undelivered, reason.clone()).await?;
        }
        Ok(())
    }

    async fn synced(&mut self, peer: PeerId) -> Result<()> {
        if let Some(name) = self.names.get(&peer) {
            self.blame.forgive(name);
        }
        let is_first = self.synced.is_empty();
        if !self.synced.insert(peer) || !is_first {
            return Ok(());
        }
        let service = self.service.clone();
        let height = blocking(move || service.status()).await??.height;
        let name = self.names.get(&peer).map_or("a node", String::as_str);
        let detail = format!("{name} at height {height}, chain in {}", self.directory.display());
        self.port.emit(Event::Online { detail }).await?;
        self.feed.get_or_insert_with(|| Feed::new(self.service.clone()));
        for (node, failed) in std::mem::take(&mut self.failed) {
            if failed.is_blamed {
                self.blame.tell(&node, &failed.reason);
            }
        }
        Ok(())
    }

    async fn lost(&mut self, peer: PeerId, reason: &str) -> Result<()> {
        let name = self.names.remove(&peer).unwrap_or_default();
        self.left_behind.remove(&peer);
        if !self.synced.remove(&peer) || !self.synced.is_empty() {
            return Ok(());
        }
        let reason = format!("{name}: {reason}");
        self.blame.is_told(&name, &reason);
        self.port.emit(Event::Offline { reason }).await
    }

    /// At boot, the session fails when there is no node to hope for: the host
    /// counts its attempts. Later, a node is told of for what it did itself.
    async fn unreachable(
        &mut self,
        address: &Address,
        reason: &str,
        lost: Option<&Lost>,
    ) -> Result<()> {
        let (node, reason) = (address.to_string(), of_node(address, reason));
        let is_blamed = lost.is_some_and(blames);
        if self.feed.is_some() {
            if is_blamed {
                self.blame.tell(&node, &reason);
            }
            return Ok(());
        }
        self.failed.insert(node, Failed { reason, is_blamed });
        // A long synchronisation may need many connections. One that lied is left
        // alone for long: what it has brought is no reason to wait for more, but
        // another one that is connected may have brought it.
        let tip = tip(&self.service).await?;
        let has_progressed = std::mem::replace(&mut self.last_tip, tip) != tip;
        let lied = lost.is_some_and(Lost::is_the_peers_fault);
        let goes_on = has_progressed && !(lied && self.names.is_empty());
        if self.failed.len() < self.nodes || goes_on {
            return Ok(());
        }
        let reasons: Vec<&str> = self.failed.values().map(|it| it.reason.as_str()).collect();
        Err(Error::new(reasons.join("; ")))
    }
}

async fn next(feed: &mut Option<Feed>) -> Result<News> {
    match feed {
        Some(feed) => Ok(feed.next().await?),
        None => std::future::pending().await,
    }
}

fn tell(news: News) -> Event {
    match news {
        News::Headers { anchor, headers } => Event::Headers { anchor, headers },
        News::Candidates(Candidates { tip, transactions, accounts }) => {
            Event::Candidates { tip, transactions, accounts }
        }
    }
}

async fn tip(service: &Service) -> Result<BlockHash> {
    let service = service.clone();
    Ok(blocking(move || service.status()).await??.tip)
}

/// Work on the disk, off the runtime's own threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    Ok(task::spawn_blocking(work).await?)
}
