//! Serves the local socket of a running chain. Every line is bounded, every
//! read and write has a deadline, and so has the number of clients.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use spacetime_protocol::Identity;
use spacetime_protocol::transaction::Transaction;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::LocalError;
use super::endpoint::{self, Endpoint};
use super::message::{
    AccountReply, BytesReply, ErrorReply, MAX_REQUEST, Outlook, Reply, Request, Select, Status,
    SubmittedReply, hex, unhex,
};
use crate::service::Service;

/// How long a client may take for a request, and for reading its reply.
const DEADLINE: Duration = Duration::from_secs(10);
/// Clients at once; the next ones wait.
const MAX_CLIENTS: usize = 16;

/// The socket of a running chain; dropped, it is closed and its record removed.
#[must_use = "the socket closes when this is dropped"]
pub struct Server {
    task: JoinHandle<()>,
    directory: PathBuf,
    endpoint: Endpoint,
}

impl Server {
    /// Listens for the chain whose store is in `directory`, on the current
    /// runtime. Only the store's writer may do so.
    ///
    /// # Errors
    /// When the socket or its record cannot be made.
    pub fn start(service: Service, directory: &Path) -> Result<Self, LocalError> {
        let socket = endpoint::socket_path(directory)?;
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LocalError::io("remove", &socket)(error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&socket).map_err(LocalError::io("listen on", &socket))?;
        let network_id = service.network().id.clone();
        let endpoint = Endpoint { pid: std::process::id(), socket, network_id };
        if let Err(error) = endpoint.write(directory) {
            let _ = fs::remove_file(&endpoint.socket);
            return Err(error);
        }
        let task = tokio::spawn(accept(listener, service));
        Ok(Self { task, directory: directory.to_owned(), endpoint })
    }

    /// What is recorded beside the store.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.endpoint.remove(&self.directory);
        let _ = fs::remove_file(&self.endpoint.socket);
    }
}

async fn accept(listener: UnixListener, service: Service) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    // Clients end with the listener.
    let mut clients = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        while clients.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = service.clone();
                clients.spawn(async move {
                    let _place = place;
                    if let Err(error) = serve(stream, service).await {
                        tracing::debug!(%error, "a local client was dropped");
                    }
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: they come back.
                tracing::warn!(%error, "the local socket cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(mut stream: UnixStream, service: Service) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(line) = in_time(read_line(&mut stream, &mut buffer)).await? {
        let service = service.clone();
        let reply = tokio::task::spawn_blocking(move || answer(&service, &line))
            .await
            .map_err(io::Error::other)?;
        in_time(stream.write_all(reply.as_bytes())).await?;
    }
    Ok(())
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(DEADLINE, work).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// The next line without its end; `None` when the client has left.
async fn read_line(stream: &mut UnixStream, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let rest = buffer.split_off(end + 1);
            let mut line = std::mem::replace(buffer, rest);
            line.truncate(end);
            return Ok(Some(line));
        }
        if buffer.len() >= MAX_REQUEST {
            let reply = line_of(&Reply::<()>::Error(ErrorReply::new("request", "line too long")));
            stream.write_all(reply.as_bytes()).await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a request line is too long"));
        }
        let room = MAX_REQUEST - buffer.len();
        let mut chunk = [0; MAX_REQUEST];
        match stream.read(&mut chunk[..room]).await? {
            0 => return Ok(None),
            read => buffer.extend_from_slice(&chunk[..read]),
        }
    }
}

fn line_of<T: Serialize>(reply: &Reply<T>) -> String {
    let mut line = serde_json::to_string(reply).unwrap_or_else(|error| {
        // Our replies are plain structs; should one not serialise, say so.
        format!(r#"{{"error":{{"kind":"failed","message":{:?}}}}}"#, error.to_string())
    });
    line.push('\n');
    line
}

fn answer(service: &Service, line: &[u8]) -> String {
    let request = match serde_json::from_slice::<Request>(line) {
        Ok(request) => request,
        Err(error) => {
            let error = ErrorReply::new("request", format!("not a request: {error}"));
            return line_of(&Reply::<()>::Error(error));
        }
    };
    match request {
        Request::Status => reply(service.status().map_err(failed).map(|mut status: Status| {
            status.pid = Some(std::process::id());
            status
        })),
        Request::Account { identity } => reply(account(service, identity)),
        Request::SubmitTransaction { transaction, replace } => {
            reply(submit(service, &transaction, replace))
        }
        Request::Transaction { hash } => reply(service.transaction(&hash).map_err(failed)),
        Request::Header(select) => reply(find(service, select, |service, hash| {
            let stored = service.header(hash).map_err(failed)?.ok_or_else(not_found)?;
            let bytes = stored.header.encode().map_err(failed)?;
            Ok((stored.header.height, hex(&bytes)))
        })),
        Request::Block(select) => reply(find(service, select, |service, hash| {
            let block = service.block(hash).map_err(failed)?.ok_or_else(not_found)?;
            let bytes = block.encode().map_err(failed)?;
            Ok((block.header.height, hex(&bytes)))
        })),
    }
}

fn reply<T: Serialize>(result: Result<T, ErrorReply>) -> String {
    line_of(&result.map_or_else(Reply::Error, Reply::Ok))
}

fn account(service: &Service, identity: Identity) -> Result<AccountReply, ErrorReply> {
    let state = service.account_state(&identity).map_err(failed)?;
    let outlook = Outlook {
        next_nonce: state.next_nonce,
        spendable: state.spendable,
        tip: state.tip,
        height: state.height,
    };
    let (balance, nonce) = (state.balance, state.nonce);
    Ok(AccountReply { identity, balance, nonce, outlook: Some(outlook) })
}

fn submit(
    service: &Service,
    transaction: &str,
    replace: bool,
) -> Result<SubmittedReply, ErrorReply> {
    let bytes = unhex(transaction)
        .ok_or_else(|| ErrorReply::new("request", "the transaction is not hexadecimal"))?;
    let transaction = Transaction::decode(&bytes)
        .map_err(|error| ErrorReply::new("request", format!("not a transaction: {error}")))?;
    let hash = transaction.hash();
    service
        .take_transaction(transaction, replace)
        .map_err(failed)?
        .map_err(|refusal| ErrorReply::new("refused", refusal.to_string()))?;
    Ok(SubmittedReply { hash })
}

fn find(
    service: &Service,
    select: Select,
    get: impl Fn(&Service, &spacetime_protocol::BlockHash) -> Result<(u64, String), ErrorReply>,
) -> Result<BytesReply, ErrorReply> {
    let hash = match select {
        Select::Hash(hash) => hash,
        Select::Height(height) => service.best_at(height).map_err(failed)?.ok_or_else(not_found)?,
    };
    let (height, bytes) = get(service, &hash)?;
    let best = service.best_at(height).map_err(failed)? == Some(hash);
    Ok(BytesReply { hash, height, best, bytes })
}

fn failed(error: impl std::fmt::Display) -> ErrorReply {
    ErrorReply::new("failed", error.to_string())
}

fn not_found() -> ErrorReply {
    ErrorReply::new("not_found", "no such block")
}
