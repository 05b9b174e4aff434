//! One session: opens the chain, tells the host what happens on it, and
//! serves the host's requests in their order.

use std::path::Path;

use spacetime_node::{Candidates, Feed, News, Service};
use spacetime_sdk::protocol::network::Network;
use spacetime_sdk::tokio::{self, task};
use spacetime_sdk::{Event, Port, Request, Result, Verdict, tracing};

use crate::answer;

/// Serves a session until the host closes it.
pub(crate) async fn run(network: Network, directory: &Path, port: &mut Port) -> Result<()> {
    let folder = directory.to_owned();
    let service = blocking(move || Service::open(&folder, network)).await??;
    // Closed, and its record removed, with the session. Mining does without it.
    #[cfg(unix)]
    let _server = spacetime_node::local::Server::start(service.clone(), directory)
        .inspect_err(|error| tracing::warn!("other commands cannot reach this chain: {error}"))
        .ok();
    let detail = describe(&service, directory).await?;
    port.emit(Event::Online { detail }).await?;
    let mut feed = Feed::new(service.clone());
    loop {
        tokio::select! {
            request = port.next_request() => match request {
                Some(Request::FetchHeaders { locator }) => feed.ask(locator),
                Some(request) => serve(&service, request, port).await?,
                None => return Ok(()),
            },
            news = feed.next() => port.emit(event(news?)).await?,
        }
    }
}

/// Work on the disk, off the runtime's own threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    Ok(task::spawn_blocking(work).await?)
}

async fn describe(service: &Service, directory: &Path) -> Result<String> {
    let service = service.clone();
    let status = blocking(move || service.status()).await??;
    let place = directory.display();
    Ok(format!("{} at height {}, chain in {place}", status.network_id, status.height))
}

async fn serve(service: &Service, request: Request, port: &Port) -> Result<()> {
    match request {
        Request::SubmitBlock { ticket, block } => {
            let service = service.clone();
            let (verdict, reason) =
                blocking(move || answer::to_block(&service, &block, answer::now())).await?;
            port.emit(Event::Verdict { ticket, verdict, reason }).await
        }
        Request::SubmitProof { ticket, .. } => {
            let reason = "the solo transport wants blocks, not proofs".to_owned();
            port.emit(Event::Verdict { ticket, verdict: Verdict::Rejected, reason }).await
        }
        // Of a newer host, which does not depend on an answer.
        _ => Ok(()),
    }
}

fn event(news: News) -> Event {
    match news {
        News::Headers { anchor, headers } => Event::Headers { anchor, headers },
        News::Candidates(Candidates { tip, transactions, accounts }) => {
            Event::Candidates { tip, transactions, accounts }
        }
    }
}
