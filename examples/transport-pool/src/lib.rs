//! The transport `pool`: jobs from a pool's server, shares to it. The server
//! knows the chain and builds the blocks.

pub mod server;
pub mod wire;

use std::{
    io::{self, BufRead, BufReader, Read},
    net::{TcpStream as BlockingStream, ToSocketAddrs},
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use spacetime_sdk::{
    Builder, Challenge, Error, Event, EventSender, Port, Request, Result, Schema, StopRule,
    Transport, TransportContext, Verdict, async_trait, count,
    protocol::BlockHash,
    tokio::{io::AsyncWrite, net::TcpStream, select, time::timeout},
};

use wire::{FromMiner, FromServer, Input, Outcome};

/// What connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the manifest says: `config: (server: "pool.example.org:4000")`.
#[derive(Deserialize, Schema)]
struct Config {
    /// Host and port.
    server: String,
    /// Whom the shares count for.
    #[serde(default = "default_worker")]
    #[schema(default = "miner")]
    worker: String,
    /// A server that says nothing for so long is taken for lost.
    #[serde(default = "default_silence")]
    #[schema(min = 1, default = 120)]
    silence_seconds: u32,
}

fn default_worker() -> String {
    "miner".to_owned()
}

fn default_silence() -> u32 {
    120
}

/// One session. When it ends, the miner opens another one, after a while.
struct Pool {
    server: String,
    hello: FromMiner,
    silence: Duration,
}

#[async_trait]
impl Transport for Pool {
    type Config = Config;

    fn open(config: Config, context: &TransportContext) -> Result<Self> {
        if !config.server.contains(':') {
            return Err(Error::field("server", "must be host:port"));
        }
        let silence = Duration::from_secs(config.silence_seconds.into());
        let hello = FromMiner::Hello { agent: context.agent.clone(), worker: config.worker };
        Ok(Self { server: config.server, hello, silence })
    }

    // For the command `check`: no session, no runtime.
    fn check(config: Config, context: &TransportContext) -> Result<String> {
        let Self { server, .. } = Self::open(config, context)?;
        let welcome = first_line(&server).map_err(|error| error.context(&server))?;
        match serde_json::from_str(&welcome)? {
            FromServer::Welcome { pool } => Ok(format!("pool `{pool}` at {server}")),
            _ => Err(Error::new(format_args!("{server} is no pool's server"))),
        }
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        let host = port.sender();
        let connecting = async { timeout(PATIENCE, TcpStream::connect(&self.server)).await? };
        let connection = unless_stopped(&host, connecting).await;
        let connection = connection.map_err(|error| error.context(&self.server))?;
        let (input, mut output) = connection.into_split();
        let mut input = Input::new(input);
        unless_stopped(&host, wire::send(&mut output, &self.hello)).await?;
        loop {
            select! {
                said = timeout(self.silence, input.next()) => {
                    let said = said.map_err(|_| Error::new("the server has fallen silent"))?;
                    let said = said?.ok_or_else(|| Error::new("the server hung up"))?;
                    port.emit(self.event(said)).await?;
                }
                request = port.next_request() => {
                    // None: the miner stops.
                    let Some(request) = request else { return Ok(()) };
                    answer(request, port, &mut output).await?;
                }
            }
        }
    }
}

impl Pool {
    /// What the server says, as the miner hears it.
    fn event(&self, said: FromServer) -> Event {
        match said {
            FromServer::Welcome { pool } => {
                Event::Online { detail: format!("pool `{pool}` at {}", self.server) }
            }
            FromServer::Job { id, challenge, share_target, seconds } => {
                Event::Challenge(Challenge {
                    id,
                    challenge,
                    share_target: Some(share_target),
                    // One share per job: the miner waits for the next one then.
                    stop: StopRule::FirstUnderTarget,
                    deadline: Some(SystemTime::now() + Duration::from_secs(seconds.into())),
                    builder: Builder::Transport,
                    // What only those need to know who build blocks.
                    block_target: None,
                    parent: BlockHash::ZERO,
                    epoch: 0,
                    height: 0,
                    difficulty: None,
                    publish_at: None,
                    min_timestamp: 0,
                })
            }
            FromServer::Verdict { ticket, outcome, reason } => {
                let verdict = match outcome {
                    Outcome::Accepted => Verdict::Accepted,
                    Outcome::Rejected => Verdict::Rejected,
                    Outcome::Stale => Verdict::Stale,
                };
                if verdict == Verdict::Accepted {
                    count("shares", 1);
                }
                Event::Verdict { ticket, verdict, reason }
            }
        }
    }
}

/// Does what the miner asks for.
async fn answer(
    request: Request,
    port: &Port,
    output: &mut (impl AsyncWrite + Unpin),
) -> Result<()> {
    match request {
        Request::SubmitProof { ticket, claim } => {
            let (job, score) = (claim.challenge_id, claim.score);
            let share = FromMiner::Share { ticket, job, score, proof: claim.proof };
            unless_stopped(&port.sender(), wire::send(output, &share)).await
        }
        Request::SubmitBlock { ticket, .. } => {
            let reason = "the pool builds the blocks".to_owned();
            port.emit(Event::Verdict { ticket, verdict: Verdict::Rejected, reason }).await
        }
        // A pool has no headers; and a later SDK may ask for more.
        _ => Ok(()),
    }
}

/// Waits for the network, but not while the miner stops.
async fn unless_stopped<T>(
    host: &EventSender,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T> {
    select! {
        // What can be done at once is done, even then: a last share, say.
        biased;
        done = work => Ok(done?),
        () = host.closed() => Err(Error::new("the miner stops")),
    }
}

fn first_line(server: &str) -> Result<String> {
    let address = server.to_socket_addrs()?.next().ok_or_else(|| Error::new("no such host"))?;
    let connection = BlockingStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(connection.take(1024)).read_line(&mut line)?;
    Ok(line)
}

spacetime_sdk::export_plugin! {
    transport "pool": Pool, "Jobs from a pool's server, shares to it";
}
