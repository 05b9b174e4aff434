//! Questions of commands: answered by the miner that runs on this chain, or
//! else by the chain once it has caught up with a node.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use spacetime_node::{
    Service,
    ask::{answer, answer_running},
    local::{self, Status},
    net::{self, Address, Hub, Options},
};
use spacetime_sdk::{
    Answer, Error, Question, Result, TransportContext,
    protocol::{TxHash, transaction::Transaction, wire::Message},
    tokio::{sync::mpsc, time::timeout},
    wait_for,
};

use crate::{
    check::Talk,
    config::{Follow, Settings},
};

/// The folder with the chain that questions to a chosen node need beside a
/// miner, within the transport's own.
const ASKED: &str = "asked";
/// What catching up with a node may take; the host waits for half a minute.
const CATCH_UP: Duration = Duration::from_secs(20);
/// A node that shows its pending transactions says nothing when it is done:
/// after such a pause it is.
const QUIET: Duration = Duration::from_millis(300);
/// What a node may take to show that it has a transaction.
const CONFIRM: Duration = Duration::from_secs(5);

/// Answers a question beside a running miner, or without one.
pub(crate) fn ask(
    settings: &Settings,
    context: &TransportContext,
    question: &Question,
) -> Result<Answer> {
    if settings.follow == Follow::Notices {
        return Err(Error::unsupported("with `follow: notices` there is no chain to ask"));
    }
    let (directory, network) = (&context.data_directory, &context.network);
    let mines = matches!(local::status(directory, network)?, Some(Status { pid: Some(_), .. }));
    let directory = match (mines, context.node_is_chosen) {
        (true, false) => return Ok(answer(directory, network, question)?),
        // The miner has that chain for itself, and it may be another node's.
        (true, true) => directory.join(ASKED),
        (false, _) => directory.clone(),
    };
    let asking = || catch_up_and_answer(settings, context, &directory, question);
    wait_for(asking)?
}

async fn catch_up_and_answer(
    settings: &Settings,
    context: &TransportContext,
    directory: &Path,
    question: &Question,
) -> Result<Answer> {
    let service = Service::open(directory, context.network.clone())?;
    let (sender, mut events) = mpsc::channel(1024);
    // It is there for a moment only, and mines nothing.
    let options = Options { helps: false, ..Options::miner(&context.agent, sender) };
    let running = Hub::start(service.clone(), options);
    settings.keep_nodes(running.hub());
    let caught_up = timeout(CATCH_UP, catch_up(&mut events, settings.nodes.len())).await;
    let late = || {
        let again = "the node's chain is long, and not all of it is here yet: ask again, which goes \
                     on from there, or let `spacetime-miner run` fetch it";
        Error::new(again)
    };
    caught_up.unwrap_or_else(|_| Err(late()))?;
    // Nonces follow from what is pending, too.
    let is_quiet = async { while let Ok(Some(_)) = timeout(QUIET, events.recv()).await {} };
    let _ = timeout(CONFIRM, is_quiet).await;
    let answer = match answer_running(&service, question)? {
        Some(answer) => answer,
        None => return Err(Error::unsupported("this version does not know the question")),
    };
    match (question, answer) {
        (Question::SubmitTransaction { transaction, .. }, Answer::Submitted(hash)) => {
            confirm(settings, context, transaction, hash).await
        }
        (_, answer) => Ok(answer),
    }
}

/// Waits until the chain has all that a node has.
async fn catch_up(events: &mut mpsc::Receiver<net::Event>, nodes: usize) -> Result<()> {
    let mut failed = BTreeMap::new();
    while failed.len() < nodes {
        match events.recv().await {
            Some(net::Event::Synced { .. }) => return Ok(()),
            Some(net::Event::Unreachable { address, reason, .. }) => {
                failed.insert(address.to_string(), of_node(&address, &reason));
            }
            Some(_) => {}
            None => return Err(Error::new("the connections have ended")),
        }
    }
    let reasons: Vec<String> = failed.into_values().collect();
    Err(Error::new(reasons.join("; ")))
}

/// A reason that names its node.
pub(crate) fn of_node(address: &Address, reason: &str) -> String {
    let node = address.to_string();
    if reason.contains(&node) { reason.to_owned() } else { format!("{node}: {reason}") }
}

/// Sends a transaction, and asks a node whether it has it now.
async fn confirm(
    settings: &Settings,
    context: &TransportContext,
    transaction: &Transaction,
    hash: TxHash,
) -> Result<Answer> {
    let mut doubts = Vec::new();
    for node in &settings.nodes {
        let confirmed = async {
            let talk = timeout(CONFIRM, Talk::with(node, settings.tls.as_ref(), &context.agent));
            let mut talk = talk.await.map_err(|_| format!("{node} does not answer"))??;
            // It is asked until the time is over; one that never pauses is left then.
            let has_taken = timeout(CONFIRM * 2, has_taken(&mut talk, transaction)).await;
            talk.close().await;
            has_taken.unwrap_or(Ok(false))
        };
        match confirmed.await {
            Ok(true) => return Ok(Answer::Submitted(hash)),
            Ok(false) => doubts.push(format!(
                "{node} does not show it among what is pending, and may have refused it: its log \
                 says why"
            )),
            Err(reason) => doubts.push(of_node(node, &reason)),
        }
    }
    // No refusal: whoever takes it for one would pay twice.
    let doubts = doubts.join("; ");
    Err(Error::new(format_args!("no node is known to have taken it: {doubts}")))
}

/// Whether a node shows a transaction after it was sent there. It says nothing
/// where it has none, so it is asked again until the time is over.
async fn has_taken(talk: &mut Talk, transaction: &Transaction) -> Result<bool, String> {
    let bytes = transaction.encode().map_err(|error| error.to_string())?.to_vec();
    let began = Instant::now();
    talk.send(&Message::Transaction(bytes.clone())).await?;
    while began.elapsed() < CONFIRM {
        talk.send(&Message::TxPoolRequest { max: 1000, include_data: true }).await?;
        while let Ok(heard) = timeout(QUIET, talk.heard()).await {
            if matches!(heard?, Message::Transaction(shown) if shown == bytes) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
