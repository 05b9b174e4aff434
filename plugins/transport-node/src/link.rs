//! One node: connects to it, reads and writes, answers its pings, and comes
//! back after a pause when the connection has ended. Reading waits for nobody
//! who scans.

use std::{io, time::Duration};

use spacetime_node::net::{self, Address, Backoff, Stream, Tls, now_ms, steady_ms};
use spacetime_sdk::{
    protocol::wire::{Connection, End, Handshake, Message},
    tracing,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    time::{self, timeout},
};

use crate::blame::blames_end;

/// What a node may take to accept what is written to it.
const WRITE: Duration = Duration::from_secs(10);
/// What the end of a connection may take.
const CLOSE: Duration = Duration::from_millis(100);
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
    /// It is not connected, or not any more; whether that is its own doing.
    Down { reason: String, is_blamed: bool },
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
            if self.unless_over(time::sleep(pause)).await.is_err() {
                return;
            }
        }
    }

    /// One connection, from its beginning to its end.
    async fn round(&mut self) -> Result<(), Over> {
        let connecting = net::connect(&self.node, self.tls.as_ref());
        let (reason, is_blamed) = match self.unless_over(connecting).await? {
            Ok((stream, _)) => {
                let Ended { reason, was_of_use, is_blamed } = self.talk(stream).await?;
                if was_of_use {
                    self.backoff.reset();
                }
                (format!("{}: {reason}", self.node), is_blamed)
            }
            Err(error) => (error.to_string(), false),
        };
        self.say(Said::Down { reason, is_blamed }).await
    }

    /// Does this, unless the session ends meanwhile.
    async fn unless_over<T>(&self, what: impl Future<Output = T>) -> Result<T, Over> {
        tokio::select! {
            done = what => Ok(done),
            () = self.said.closed() => Err(Over),
        }
    }

    async fn say(&self, said: Said) -> Result<(), Over> {
        self.said.send((self.number, said)).await.map_err(|_| Over)
    }

    /// Talks until the connection or the session ends, and closes it in order.
    async fn talk(&self, stream: Stream) -> Result<Ended, Over> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (sender, mut outgoing) = mpsc::channel(OUTGOING);
        let ended = match self.say(Said::Up(sender)).await {
            Ok(()) => self.exchange(&mut reader, &mut writer, &mut outgoing).await,
            Err(over) => Err(over),
        };
        if ended.is_err() {
            // A block that was won may be the last of it.
            while let Some(out) = outgoing.recv().await
                && write(&mut writer, &out.frame).await.is_ok()
            {}
        }
        close(&mut reader.unsplit(writer)).await;
        ended
    }

    async fn exchange(
        &self,
        reader: &mut ReadHalf<Stream>,
        writer: &mut WriteHalf<Stream>,
        outgoing: &mut mpsc::Receiver<Outgoing>,
    ) -> Result<Ended, Over> {
        let mut buffer = vec![0; 64 << 10];
        let (mut connection, mut was_of_use) = match introduce(&self.agent) {
            Ok(connection) => (connection, false),
            Err(reason) => return Ok(lost(reason, false)),
        };
        loop {
            if let Err(reason) = write(writer, &connection.take_output()).await {
                return Ok(lost(reason, was_of_use));
            }
            let due = connection.due_ms();
            let ended = tokio::select! {
                read = reader.read(&mut buffer) => {
                    let end = take(&mut connection, &buffer, read);
                    was_of_use |= self.hand_out(&mut connection).await?;
                    end
                }
                Some(out) = outgoing.recv() => {
                    let written = write(writer, &out.frame).await;
                    let (delivery, is_ok) = (out.delivery, written.is_ok());
                    self.say(Said::Written { delivery, is_ok }).await?;
                    written.err().map(|reason| lost(reason, true))
                }
                () = until(due) => connection.tick(steady_ms()).err().map(|end| because(&end)),
                () = self.said.closed() => return Err(Over),
            };
            if let Some(ended) = ended {
                return Ok(Ended { was_of_use: was_of_use && ended.was_of_use, ..ended });
            }
        }
    }

    /// Hands on what was heard; whether it was anything.
    async fn hand_out(&self, connection: &mut Connection) -> Result<bool, Over> {
        while let Some(said) = connection.next_complaint() {
            tracing::warn!(node = %self.node, "it reports an error: {said:?}");
        }
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

/// How a connection ended.
struct Ended {
    reason: String,
    /// Whether the node may have been of use.
    was_of_use: bool,
    /// Whether it is the node's own doing.
    is_blamed: bool,
}

fn because(end: &End) -> Ended {
    let is_blamed = blames_end(end);
    Ended { reason: end.to_string(), was_of_use: !is_blamed, is_blamed }
}

fn lost(reason: String, was_of_use: bool) -> Ended {
    Ended { reason, was_of_use, is_blamed: false }
}

/// Feeds what was read to the connection; its end, if that is it.
fn take(connection: &mut Connection, buffer: &[u8], read: io::Result<usize>) -> Option<Ended> {
    match read {
        Ok(0) => Some(because(&connection.ended())),
        Ok(read) => {
            let end = connection.received(&buffer[..read], steady_ms()).err()?;
            // From here on the stream cannot be read.
            Some(Ended { reason: format!("it is left: {end}"), ..because(&end) })
        }
        Err(error) => Some(lost(format!("the connection was lost: {error}"), true)),
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
    Connection::new(us, true, nonce, steady_ms()).map_err(|error| error.to_string())
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

/// Says that this is the end, which TLS has a word of its own for, and reads
/// until the node has closed the connection, too: closed with something unread
/// it would be reset, and the end lost.
pub(crate) async fn close(stream: &mut Stream) {
    let closed = async {
        stream.shutdown().await?;
        tokio::io::copy(stream, &mut tokio::io::sink()).await
    };
    // The node may be gone, or stay.
    let _ = timeout(CLOSE, closed).await;
}

async fn until(due_ms: Option<u64>) {
    match due_ms {
        Some(due) => time::sleep(Duration::from_millis(due.saturating_sub(steady_ms()))).await,
        None => std::future::pending().await,
    }
}
