//! What the command `check` is told: whether the nodes answer, without a
//! session and beside one that runs.

use std::time::Duration;

use spacetime_node::{
    local::{self, Status},
    net::{self, Address, Stream, steady_ms},
};
use spacetime_sdk::{
    Error, Result, TransportContext,
    protocol::{
        BlockHash,
        header::BlockHeader,
        wire::{Connection, End, MAX_HEADERS, Message},
    },
    tokio::{self, time::timeout},
    wait_for,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    config::{Follow, Settings},
    link,
};

/// What a node may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Asks every node; an error if none can be used.
pub(crate) fn check(settings: &Settings, context: &TransportContext) -> Result<String> {
    let status = match settings.follow {
        Follow::Verified => local::status(&context.data_directory, &context.network)?,
        Follow::Notices => None,
    };
    let tip = status.as_ref().map_or_else(|| context.network.genesis_hash(), |status| status.tip);
    let question = (settings.follow == Follow::Verified).then_some(tip);
    let asking = || ask_all(settings, &context.agent, question);
    let answers = wait_for(asking)?;
    let told: Vec<String> = settings.nodes.iter().zip(&answers).map(tell).collect();
    if answers.iter().all(std::result::Result::is_err) {
        return Err(Error::new(told.join("; ")));
    }
    Ok([told, vec![place(settings.follow, status, context)]].concat().join("; "))
}

fn tell((node, answer): (&Address, &Result<String, String>)) -> String {
    match answer {
        Ok(found) => format!("{node} {found}"),
        Err(reason) => format!("{node} cannot be used: {reason}"),
    }
}

fn place(follow: Follow, status: Option<Status>, context: &TransportContext) -> String {
    let place = context.data_directory.display();
    match (follow, status) {
        (Follow::Notices, _) => "its notices are followed unchecked".to_owned(),
        (_, None) => format!("no chain in {place} yet: the first run makes it"),
        (_, Some(Status { height, pid: Some(pid), .. })) => {
            format!("chain at height {height} in {place}, run by process {pid}")
        }
        (_, Some(Status { height, .. })) => format!("chain at height {height} in {place}"),
    }
}

/// Asks all nodes at once.
async fn ask_all(
    settings: &Settings,
    agent: &str,
    tip: Option<BlockHash>,
) -> Vec<Result<String, String>> {
    let late = || format!("no answer within {} s", ANSWER.as_secs());
    let ask = |node: &Address| {
        let (node, tls, agent) = (node.clone(), settings.tls.clone(), agent.to_owned());
        tokio::spawn(async move { timeout(ANSWER, ask(&node, tls.as_ref(), &agent, tip)).await })
    };
    let asked: Vec<_> = settings.nodes.iter().map(ask).collect();
    let mut answers = Vec::new();
    for asked in asked {
        let answer = asked.await.map_err(|error| error.to_string());
        answers.push(answer.and_then(|in_time| in_time.unwrap_or_else(|_| Err(late()))));
    }
    answers
}

async fn ask(
    node: &Address,
    tls: Option<&net::Tls>,
    agent: &str,
    tip: Option<BlockHash>,
) -> Result<String, String> {
    let mut talk = Talk::with(node, tls, agent).await?;
    let found = match tip {
        None => Ok("takes connections".to_owned()),
        Some(tip) => ask_for_headers(&mut talk, tip).await,
    };
    talk.close().await;
    found
}

async fn ask_for_headers(talk: &mut Talk, locator: BlockHash) -> Result<String, String> {
    let max = i32::try_from(MAX_HEADERS).unwrap_or(i32::MAX);
    talk.send(&Message::GetHeaders { locator, stop: None, max }).await?;
    let headers = loop {
        if let Message::Headers(headers) = talk.heard().await? {
            break headers;
        }
    };
    let Some(last) = headers.last() else {
        return Ok("answers, and has no block after ours".to_owned());
    };
    let last = BlockHeader::decode(last).map_err(|error| format!("it sent no header: {error}"))?;
    let (count, height) = (headers.len(), last.height);
    let more = if count >= MAX_HEADERS { "at least " } else { "" };
    Ok(format!("answers, and has {more}{count} more blocks, up to height {height}"))
}

/// A connection with a node for a question or two; who waits sets the limit.
pub(crate) struct Talk {
    stream: Stream,
    connection: Connection,
}

impl Talk {
    /// Connects and introduces us.
    pub(crate) async fn with(
        node: &Address,
        tls: Option<&net::Tls>,
        agent: &str,
    ) -> Result<Self, String> {
        let (stream, _) = net::connect(node, tls).await.map_err(|error| error.to_string())?;
        let mut talk = Self { stream, connection: link::introduce(agent)? };
        talk.flush().await?;
        Ok(talk)
    }

    pub(crate) async fn send(&mut self, message: &Message) -> Result<(), String> {
        self.connection.send(message).map_err(|error| error.to_string())?;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), String> {
        let output = self.connection.take_output();
        self.stream.write_all(&output).await.map_err(|error| error.to_string())?;
        self.stream.flush().await.map_err(|error| error.to_string())
    }

    /// Ends the connection in order.
    pub(crate) async fn close(mut self) {
        link::close(&mut self.stream).await;
    }

    /// The node's next message. May be given up.
    pub(crate) async fn heard(&mut self) -> Result<Message, String> {
        let mut buffer = vec![0; 16 << 10];
        loop {
            if let Some(message) = self.connection.next_message() {
                return Ok(message);
            }
            let read = self.stream.read(&mut buffer).await.map_err(|error| error.to_string())?;
            let end = |end: End| end.to_string();
            match read {
                0 => return Err(end(self.connection.ended())),
                read => self.connection.received(&buffer[..read], steady_ms()).map_err(end)?,
            }
            // Its pings are answered.
            self.flush().await?;
        }
    }
}
