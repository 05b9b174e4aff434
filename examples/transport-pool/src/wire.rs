//! What a pool's server and its miners say to each other: one JSON document
//! per line, over TCP. Byte strings are hexadecimal.

use std::{io, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use spacetime_sdk::{
    protocol::{Challenge, Score, Target},
    tokio::{
        io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines, Take},
        time::timeout,
    },
};

/// The longest line, in bytes. A proof takes less than 3,000.
const LONGEST: u64 = 8192;

/// How long a line may take to be sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// From the server.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromServer {
    /// The first line.
    Welcome {
        /// For people.
        pool: String,
    },
    /// What to scan for from now on.
    Job {
        /// The server's number for it.
        id: u64,
        /// What leaves are scored against.
        challenge: Challenge,
        /// A proof with a score under this is a share.
        share_target: Target,
        /// How long it can be worked on.
        seconds: u32,
    },
    /// The answer to a share.
    Verdict {
        /// The miner's number for the share.
        ticket: u64,
        /// What became of it.
        outcome: Outcome,
        /// For people; empty if there is nothing to say.
        reason: String,
    },
}

/// What became of a share.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It counts.
    Accepted,
    /// It is wrong.
    Rejected,
    /// Its job is over.
    Stale,
}

/// From a miner.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromMiner {
    /// The first line.
    Hello {
        /// Name and version of its program.
        agent: String,
        /// Whom the shares count for.
        worker: String,
    },
    /// A proof.
    Share {
        /// The miner's number for it.
        ticket: u64,
        /// The job that it is for.
        job: u64,
        /// Its score.
        score: Score,
        /// The block proof, as the network encodes it.
        #[serde(with = "const_hex")]
        proof: Vec<u8>,
    },
}

/// Reads documents. A line that is too long ends it like the connection's end.
pub struct Input<R>(Lines<BufReader<Take<R>>>);

impl<R: AsyncRead + Unpin> Input<R> {
    /// Reads from a connection.
    pub fn new(connection: R) -> Self {
        Self(BufReader::new(connection.take(LONGEST)).lines())
    }

    /// The next document; `None` at the end. Nothing is lost if this is
    /// dropped before it is done.
    ///
    /// # Errors
    ///
    /// The connection's, or a line that is too long or no such document.
    pub async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(line) = self.0.next_line().await? else { return Ok(None) };
        if line.len() as u64 >= LONGEST {
            return Err(io::Error::other(format!("a line is longer than {LONGEST} bytes")));
        }
        self.0.get_mut().get_mut().set_limit(LONGEST);
        serde_json::from_str(&line).map(Some).map_err(io::Error::other)
    }
}

/// Sends a document.
///
/// # Errors
///
/// The connection's; or it takes nothing for ten seconds.
pub async fn send(
    output: &mut (impl AsyncWriteExt + Unpin),
    document: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    timeout(PATIENCE, output.write_all(&line)).await?
}
