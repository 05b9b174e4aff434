//! The other end of the local socket, for commands: blocking, with deadlines.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use spacetime_protocol::ask::Fate;
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::{BlockHash, Identity, TxHash};

use super::LocalError;
use super::endpoint::Endpoint;
use super::message::{
    AccountReply, BytesReply, MAX_REPLY, Reply, Request, Select, Status, SubmittedReply, hex,
};

/// How long a request or a reply may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// A connection with the process that runs a chain.
pub struct Client {
    stream: BufReader<UnixStream>,
    socket: PathBuf,
}

/// Connects with the process that runs the chain of a data directory.
/// `None`: nobody does (there is no record, or it is stale).
///
/// # Errors
/// When the record cannot be read, or the socket not be used.
pub fn connect(directory: &Path) -> Result<Option<Client>, LocalError> {
    let Some(Endpoint { socket, .. }) = Endpoint::read(directory)? else { return Ok(None) };
    match UnixStream::connect(&socket) {
        Ok(stream) => Client::new(stream, socket).map(Some),
        Err(error) if is_stale(&error) => Ok(None),
        Err(error) => Err(LocalError::io("connect with", &socket)(error)),
    }
}

/// Nobody listens there any more.
fn is_stale(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

impl Client {
    fn new(stream: UnixStream, socket: PathBuf) -> Result<Self, LocalError> {
        stream
            .set_read_timeout(Some(DEADLINE))
            .and_then(|()| stream.set_write_timeout(Some(DEADLINE)))
            .map_err(LocalError::io("configure", &socket))?;
        Ok(Self { stream: BufReader::new(stream), socket })
    }

    /// How the chain stands.
    ///
    /// # Errors
    /// When the socket fails or the other side refuses, as for all methods.
    pub fn status(&mut self) -> Result<Status, LocalError> {
        self.ask(&Request::Status)
    }

    /// An account at the tip; an absent one is empty.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn account(&mut self, identity: Identity) -> Result<AccountReply, LocalError> {
        self.ask(&Request::Account { identity })
    }

    /// Puts a signed transaction in the pool, and returns its hash. It replaces
    /// one of its sender with its nonce that pays less.
    ///
    /// # Errors
    /// As [`Client::status`]; a refused transaction says why.
    pub fn submit_transaction(&mut self, transaction: &Transaction) -> Result<TxHash, LocalError> {
        self.take_transaction(transaction, true)
    }

    /// Puts a signed transaction in the pool, and returns its hash; with
    /// `replace`, as [`Client::submit_transaction`] does.
    ///
    /// # Errors
    /// As [`Client::submit_transaction`].
    pub fn take_transaction(
        &mut self,
        transaction: &Transaction,
        replace: bool,
    ) -> Result<TxHash, LocalError> {
        let bytes = transaction.encode().map_err(|error| LocalError::Refused {
            kind: "request".to_owned(),
            message: error.to_string(),
        })?;
        let request = Request::SubmitTransaction { transaction: hex(&bytes), replace };
        let reply: SubmittedReply = self.ask(&request)?;
        Ok(reply.hash)
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn transaction(&mut self, hash: TxHash) -> Result<Fate, LocalError> {
        self.ask(&Request::Transaction { hash })
    }

    /// A header by its hash.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn header(&mut self, hash: BlockHash) -> Result<BytesReply, LocalError> {
        self.ask(&Request::Header(Select::Hash(hash)))
    }

    /// The best chain's header at a height.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn header_at(&mut self, height: u64) -> Result<BytesReply, LocalError> {
        self.ask(&Request::Header(Select::Height(height)))
    }

    /// A block by its hash.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn block(&mut self, hash: BlockHash) -> Result<BytesReply, LocalError> {
        self.ask(&Request::Block(Select::Hash(hash)))
    }

    /// The best chain's block at a height.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn block_at(&mut self, height: u64) -> Result<BytesReply, LocalError> {
        self.ask(&Request::Block(Select::Height(height)))
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, LocalError> {
        let reason = |error: serde_json::Error| LocalError::Reply {
            socket: self.socket.clone(),
            reason: error.to_string(),
        };
        let mut line = serde_json::to_string(request).map_err(reason)?;
        line.push('\n');
        let failed = |error| LocalError::io("use", &self.socket)(error);
        self.stream.get_mut().write_all(line.as_bytes()).map_err(failed)?;
        let mut reply = String::new();
        (&mut self.stream).take(MAX_REPLY).read_line(&mut reply).map_err(failed)?;
        if !reply.ends_with('\n') {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_str(&reply).map_err(reason)? {
            Reply::Ok(answer) => Ok(answer),
            Reply::Error(error) => {
                Err(LocalError::Refused { kind: error.kind, message: error.message })
            }
        }
    }
}
