//! The transport `my-plugin`: jobs from a server, which gets the proofs. They
//! talk over TCP, a line of text at a time; see `lines.rs`.

mod lines;

use std::{io, time::Duration};

use spacetime_sdk::{
    Error, Event, EventSender, Port, Request, Result, Schema, Transport, TransportContext, Verdict,
    async_trait,
    serde::Deserialize,
    text,
    tokio::{
        io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
        net::TcpStream,
        select,
        time::timeout,
    },
};

use lines::Said;

/// What connecting, or sending a line, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest line of the server, in bytes.
const LONGEST: u64 = 4096;

/// How much of a line an error repeats, in bytes.
const QUOTED: usize = 80;

/// What the manifest must say: `config: (server: "127.0.0.1:4000")`.
#[derive(Deserialize, Schema)]
#[serde(crate = "spacetime_sdk::serde")]
struct Config {
    /// Host and port.
    server: String,
}

/// One session. When it ends, the miner opens another one, after a while.
struct Jobs {
    server: String,
    hello: String,
}

#[async_trait]
impl Transport for Jobs {
    type Config = Config;

    fn open(config: Config, context: &TransportContext) -> Result<Self> {
        if !config.server.contains(':') {
            return Err(Error::field(
                "server",
                "must be host:port, such as 127.0.0.1:4000",
            ));
        }
        let hello = lines::hello(&context.agent, &context.identity);
        Ok(Self {
            server: config.server,
            hello,
        })
    }

    // For `check --load`, which opens no session.
    fn check(config: Config, context: &TransportContext) -> Result<String> {
        let Self { server, .. } = Self::open(config, context)?;
        Ok(format!("jobs come from {server}"))
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        let host = port.sender();
        let connection = within(&host, TcpStream::connect(&self.server)).await;
        let connection = connection.map_err(|error| error.context(&self.server))?;
        let (input, mut output) = connection.into_split();
        let mut input = BufReader::new(input.take(LONGEST)).lines();
        within(&host, output.write_all(self.hello.as_bytes())).await?;
        port.emit(Event::Online {
            detail: self.server.clone(),
        })
        .await?;
        loop {
            select! {
                line = input.next_line() => {
                    let Some(line) = line? else {
                        return Err(Error::new("the server hung up, or said too long a line"));
                    };
                    input.get_mut().get_mut().set_limit(LONGEST);
                    port.emit(event(&line)?).await?;
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

/// What a line of the server means to the miner.
fn event(line: &str) -> Result<Event> {
    let said = Said::read(line).map_err(|error| {
        // A stranger's words: their beginning, and nothing that a terminal obeys.
        let line = text::line(line, QUOTED);
        error.context(format_args!("the server said `{line}`"))
    })?;
    Ok(match said {
        Said::Job(challenge) => Event::Challenge(challenge),
        Said::Accepted(ticket) => Event::Verdict {
            ticket,
            verdict: Verdict::Accepted,
            reason: String::new(),
        },
        Said::Rejected(ticket, reason) => Event::Verdict {
            ticket,
            verdict: Verdict::Rejected,
            reason,
        },
    })
}

/// Does what the miner asks for.
async fn answer(
    request: Request,
    port: &Port,
    output: &mut (impl AsyncWriteExt + Unpin),
) -> Result<()> {
    match request {
        Request::SubmitProof { ticket, claim } => {
            let line = lines::proof(ticket, &claim);
            within(&port.sender(), output.write_all(line.as_bytes())).await
        }
        Request::SubmitBlock { ticket, .. } => {
            let reason = "the server builds blocks itself".to_owned();
            port.emit(Event::Verdict {
                ticket,
                verdict: Verdict::Rejected,
                reason,
            })
            .await
        }
        // This server has no headers; and a later SDK may ask for more.
        _ => Ok(()),
    }
}

/// Waits for the network: not for ever, and not when the miner stops.
async fn within<T>(host: &EventSender, work: impl Future<Output = io::Result<T>>) -> Result<T> {
    select! {
        // What can be done at once is done, even while the miner stops.
        biased;
        done = timeout(PATIENCE, work) => Ok(done.map_err(|_| Error::new("no answer"))??),
        () = host.closed() => Err(Error::new("the miner stops")),
    }
}

spacetime_sdk::export_plugin! {
    transport "my-plugin": Jobs, "Jobs from a server over TCP, a line of text at a time";
}
