//! One session: opens the chain, tells the host what happens on it, and
//! serves the host's requests in their order.

use std::path::Path;
use std::time::Duration;

use spacetime_node::{MAX_TRANSACTIONS, Service};
use spacetime_sdk::protocol::BlockHash;
use spacetime_sdk::protocol::header::BlockHeader;
use spacetime_sdk::protocol::network::Network;
use spacetime_sdk::tokio::{self, task, time};
use spacetime_sdk::{Event, EventSender, Port, Request, Result, Verdict, tracing};

use crate::answer;

/// Pending transactions are told at most so often, but for a new tip's.
const CANDIDATES_PAUSE: Duration = Duration::from_millis(200);
/// Headers in one event at most.
const MAX_HEADERS: u64 = 2000;

/// Serves a session until the host closes it.
pub(crate) async fn run(network: Network, directory: &Path, port: &mut Port) -> Result<()> {
    let folder = directory.to_owned();
    let service = blocking(move || Service::open(&folder, network)).await??;
    // Closed, and its record removed, with the session. Mining does without it.
    #[cfg(unix)]
    let _server = spacetime_node::local::Server::start(service.clone(), directory)
        .inspect_err(|error| tracing::warn!("other commands cannot reach this chain: {error}"))
        .ok();
    let mut changes = service.subscribe();
    let mut feed = Feed::start(service, port.sender(), directory).await?;
    // When the pending transactions are told next; `None`: they are known.
    let mut due = Some(time::Instant::now());
    let mut told = time::Instant::now();
    loop {
        tokio::select! {
            request = port.next_request() => match request {
                Some(request) => feed.serve(request).await?,
                None => return Ok(()),
            },
            changed = changes.changed() => {
                changed?;
                let tip = changes.borrow_and_update().tip;
                if tip == feed.tip {
                    due = due.or(Some(told + CANDIDATES_PAUSE));
                } else {
                    feed.headers().await?;
                    due = Some(time::Instant::now());
                }
            }
            () = until(due) => {
                feed.candidates().await?;
                (due, told) = (None, time::Instant::now());
            }
        }
    }
}

async fn until(due: Option<time::Instant>) {
    match due {
        Some(due) => time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Work on the disk, off the runtime's own threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    Ok(task::spawn_blocking(work).await?)
}

/// What the host is told.
struct Feed {
    service: Service,
    events: EventSender,
    /// The last header that the host was told.
    tip: BlockHash,
}

impl Feed {
    /// Tells the host that the chain runs, and where it stands.
    async fn start(service: Service, events: EventSender, directory: &Path) -> Result<Self> {
        let asked = service.clone();
        let status = blocking(move || asked.status()).await??;
        let detail = format!(
            "{} at height {}, chain in {}",
            status.network_id,
            status.height,
            directory.display()
        );
        events.emit(Event::Online { detail }).await?;
        let mut feed = Self { service, events, tip: status.tip };
        feed.anchor().await?;
        Ok(feed)
    }

    async fn serve(&mut self, request: Request) -> Result<()> {
        match request {
            Request::SubmitBlock { ticket, block } => {
                let service = self.service.clone();
                let (verdict, reason) =
                    blocking(move || answer::to_block(&service, &block, answer::now())).await?;
                self.events.emit(Event::Verdict { ticket, verdict, reason }).await
            }
            Request::SubmitProof { ticket, .. } => {
                let reason = "the solo transport wants blocks, not proofs".to_owned();
                let verdict = Verdict::Rejected;
                self.events.emit(Event::Verdict { ticket, verdict, reason }).await
            }
            Request::FetchHeaders { locator } => self.headers_after(locator).await,
            // Of a newer host, which does not depend on an answer.
            _ => Ok(()),
        }
    }

    /// Tells the headers that are new since the last ones.
    async fn headers(&mut self) -> Result<()> {
        self.headers_after(vec![self.tip]).await
    }

    /// Tells the best chain's headers after the first of these that it knows.
    async fn headers_after(&mut self, mut locator: Vec<BlockHash>) -> Result<()> {
        loop {
            let service = self.service.clone();
            let found = blocking(move || service.headers_after(&locator, MAX_HEADERS)).await??;
            let Some(headers) = found else { return self.anchor().await };
            let complete = (headers.len() as u64) < MAX_HEADERS;
            self.emit_headers(false, headers).await?;
            if complete {
                return Ok(());
            }
            locator = vec![self.tip];
        }
    }

    /// Vouches for the chain's last headers.
    async fn anchor(&mut self) -> Result<()> {
        let service = self.service.clone();
        let headers = blocking(move || service.anchor()).await??;
        self.emit_headers(true, headers).await
    }

    async fn emit_headers(&mut self, anchor: bool, headers: Vec<BlockHeader>) -> Result<()> {
        let last = headers.last().map(BlockHeader::hash);
        self.events.emit(Event::Headers { anchor, headers }).await?;
        self.tip = last.unwrap_or(self.tip);
        Ok(())
    }

    /// Tells what is pending on the tip.
    async fn candidates(&self) -> Result<()> {
        let service = self.service.clone();
        let pending = blocking(move || service.candidates(MAX_TRANSACTIONS)).await??;
        let (tip, transactions, accounts) = (pending.tip, pending.transactions, pending.accounts);
        self.events.emit(Event::Candidates { tip, transactions, accounts }).await
    }
}
