//! One node: connects to it, reads and writes, answers its pings, and comes
//! back after a pause when the connection has ended. Reading waits for nobody
//! who scans.

use std::{io, time::Duration};

use spacetime_node::net::{self, Address, Backoff, Stream, Tls, now_ms};
use spacetime_sdk::{
    protocol::wire::{Connection, End, Handshake, Message},
    tracing,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    time::{self, timeout},
};

/// What a node may take to accept what is written to it.
const WRITE: Duration = Duration::from_secs(10);
/// Frames that may wait to be written to a node.
const OUTGOING: usize = 64;

/// What a link says of its node.
pub(crate) enum Said {
    /// It is connected; frames go in here until the next [`Said::Down`].
    Up(mpsc::Sender<Outgoing>),
    /// All that came at once.
    Heard(Vec<Message>),
    /// A frame was handed to the system, or could not be.
    Written { delivery: u64, is_ok: bool },
    /// It is not connected, or not any more.
    Down { reason: String },
}

/// A frame to be written.
pub(crate) struct Outgoing {
    pub(crate) delivery: u64,
    pub(crate) frame: Vec<u8>,
}

/// A link to one node.
pub(crate) struct Link {
    pub(crate) number: usize,
    pub(crate) node: Address,
    pub(crate) tls: Option<Tls>,
    pub(crate) agent: String,
    pub(crate) backoff: Backoff,
    pub(crate) said: mpsc::Sender<(usize, Said)>,
}

/// The session has ended.
struct Over;

impl Link {
    /// Serves until the session ends.
    pub(crate) async fn serve(mut self) {
        while self.round().await.is_ok() {
            let pause = self.backoff.next_wait();
            tracing::debug!(node = %self.node, "the next attempt is in {} ms", pause.as_millis());
            time::sleep(pause).await;
        }
    }

    /// One connection, from its beginning to its end.
    async fn round(&mut self) -> Result<(), Over> {
        let reason = match net::connect(&self.node, self.tls.as_ref()).await {
            Ok((stream, _)) => {
                let (sender, outgoing) = mpsc::channel(OUTGOING);
                self.say(Said::Up(sender)).await?;
                let Ended { reason, was_of_use } = self.talk(stream, outgoing).await?;
                if was_of_use {
                    self.backoff.reset();
                }
                format!("{}: {reason}", self.node)
            }
            Err(error) => error.to_string(),
        };
        self.say(Said::Down { reason }).await
    }

    async fn say(&self, said: Said) -> Result<(), Over> {
        self.said.send((self.number, said)).await.map_err(|_| Over)
    }

    async fn talk(
        &self,
        stream: Stream,
        mut outgoing: mpsc::Receiver<Outgoing>,
    ) -> Result<Ended, Over> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut buffer = vec![0; 64 << 10];
        let (mut connection, mut was_of_use) = match introduce(&self.agent) {
            Ok(connection) => (connection, false),
            Err(reason) => return Ok(Ended { reason, was_of_use: false }),
        };
        loop {
            if let Err(reason) = write(&mut writer, &connection.take_output()).await {
                return Ok(Ended { reason, was_of_use });
            }
            let due = connection.due_ms();
            let ended = tokio::select! {
                read = reader.read(&mut buffer) => {
                    let end = take(&mut connection, &buffer, read);
                    was_of_use |= self.hand_out(&mut connection).await?;
                    end
                }
                Some(out) = outgoing.recv() => {
                    let written = write(&mut writer, &out.frame).await;
                    let (delivery, is_ok) = (out.delivery, written.is_ok());
                    self.say(Said::Written { delivery, is_ok }).await?;
                    written.err().map(|reason| Ended { reason, was_of_use })
                }
                () = until(due) => connection.tick(now_ms()).err().map(|end| because(&end)),
            };
            if let Some(Ended { reason, was_of_use: is_fair }) = ended {
                close(reader, writer).await;
                return Ok(Ended { reason, was_of_use: was_of_use && is_fair });
            }
        }
    }

    /// Hands on what was heard; whether it was anything.
    async fn hand_out(&self, connection: &mut Connection) -> Result<bool, Over> {
        if let Some(error) = connection.take_malformed() {
            tracing::warn!(node = %self.node, "it sent what is no message: {error}");
        }
        let messages: Vec<Message> = std::iter::from_fn(|| connection.next_message()).collect();
        let is_any = !messages.is_empty();
        if is_any {
            self.say(Said::Heard(messages)).await?;
        }
        Ok(is_any)
    }
}

/// How a connection ended; whether the node was of use, and nothing but the
/// network is to blame.
struct Ended {
    reason: String,
    was_of_use: bool,
}

fn because(end: &End) -> Ended {
    let was_of_use = !matches!(end, End::Payloads(_));
    Ended { reason: end.to_string(), was_of_use }
}

/// Feeds what was read to the connection; its end, if that is it.
fn take(connection: &mut Connection, buffer: &[u8], read: io::Result<usize>) -> Option<Ended> {
    match read {
        Ok(0) => Some(because(&connection.ended())),
        Ok(read) => {
            let end = connection.received(&buffer[..read], now_ms()).err()?;
            // From here on the stream cannot be read.
            Some(Ended { reason: format!("it is left: {end}"), was_of_use: false })
        }
        Err(error) => {
            let reason = format!("the connection was lost: {error}");
            Some(Ended { reason, was_of_use: true })
        }
    }
}

pub(crate) fn introduce(agent: &str) -> Result<Connection, String> {
    let number = || getrandom::u64().unwrap_or_default();
    let us = Handshake {
        version: 1,
        timestamp: i64::try_from(now_ms() / 1000).unwrap_or_default(),
        node_id: format!("{:016x}{:016x}", number(), number()),
        user_agent: agent.to_owned(),
    };
    let nonce = i64::from_le_bytes(number().to_le_bytes());
    Connection::new(us, true, nonce, now_ms()).map_err(|error| error.to_string())
}

async fn write(writer: &mut WriteHalf<Stream>, bytes: &[u8]) -> Result<(), String> {
    if bytes.is_empty() {
        return Ok(());
    }
    let written = timeout(WRITE, async {
        writer.write_all(bytes).await?;
        writer.flush().await
    });
    match written.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("the connection was lost: {error}")),
        Err(_) => Err(format!("it has taken nothing for {} s", WRITE.as_secs())),
    }
}

async fn close(reader: ReadHalf<Stream>, writer: WriteHalf<Stream>) {
    let mut stream = reader.unsplit(writer);
    // The node may be gone, or not take it.
    let _ = timeout(Duration::from_millis(100), stream.shutdown()).await;
}

async fn until(due_ms: Option<u64>) {
    match due_ms {
        Some(due) => time::sleep(Duration::from_millis(due.saturating_sub(now_ms()))).await,
        None => std::future::pending().await,
    }
}
