//! Transports: where do challenges come from, where do proofs and blocks go?

mod message;
mod port;
mod question;
mod session;
mod wait;

use std::path::PathBuf;

use abi::{Answer_NE, PortObject, Question_NE, abi_stable::std_types::RString};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
pub use spacetime_protocol::ask::{AccountState, Answer, Fate, Question, Tip};
use spacetime_protocol::{Identity, network::Network};
use spacetime_sdk_abi::{self as abi, Fault, OpenArgs, TransportArgs, TransportObject};

pub use self::{
    message::{Challenge, Event, ProofClaim, Request, Verdict},
    port::{Closed, EventSender, Port},
    wait::wait_for,
};
use crate::{
    error::{Error, Result},
    guard,
    schema::Schema,
    text,
};

/// Connects the miner with a chain, a node or a pool.
///
/// One value is one session: the host opens it, [`run`](Self::run) serves it
/// until [`Port::next_request`] says that the host wants no more, and a
/// session that ended early is opened again later, with a growing delay.
///
/// `run` is a task on a `tokio` runtime of the plugin's own (two threads); tasks
/// that it spawns there end with the session. None of them may block: what does
/// belongs into `spawn_blocking`.
#[async_trait]
pub trait Transport: Sized + Send + 'static {
    /// The component's config in the manifest; `()` when it takes none.
    type Config: DeserializeOwned + Schema;

    /// Makes the session's value; check the config's values here, and leave
    /// what takes time to [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// A sentence for the user, naming the field and its allowed values.
    fn open(config: Self::Config, context: &TransportContext) -> Result<Self>;

    /// Looks, without a session, at what the transport would meet: for the
    /// command `check`, which runs beside a mining process and must not
    /// disturb it. A sentence on what was found, or an empty one. [`wait_for`]
    /// waits for what is asynchronous.
    ///
    /// # Errors
    ///
    /// What would keep a session from working, in a sentence for the user.
    fn check(config: Self::Config, context: &TransportContext) -> Result<String> {
        let _ = (config, context);
        Ok(String::new())
    }

    /// Answers a question of a command (a balance, a transaction's fate, a
    /// transaction to be sent), without a session: beside a mining process,
    /// which it must not disturb. It may block; the host waits for half a
    /// minute. [`wait_for`] waits for what is asynchronous.
    ///
    /// # Errors
    ///
    /// Why there is no answer, and what to do about it, in a sentence for the
    /// user; [`Error::unsupported`] for a question that is never answered, as
    /// all are by default.
    fn ask(config: Self::Config, context: &TransportContext, question: Question) -> Result<Answer> {
        let _ = (config, context, question);
        Err(Error::unsupported("this transport answers no questions"))
    }

    /// Serves the session until the port closes.
    ///
    /// # Errors
    ///
    /// What ended the session; the host logs it and opens a new one.
    async fn run(&mut self, port: &mut Port) -> Result<()>;
}

/// What a transport may know about the miner it works for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransportContext {
    /// The network that is mined on.
    pub network: Network,
    /// The identity that blocks and proofs carry.
    pub identity: Identity,
    /// A folder for what this component stores; it exists.
    pub data_directory: PathBuf,
    /// What to call ourselves to peers.
    pub agent: String,
    /// The node that the manifest names, if it does; a config of the
    /// transport's own has priority.
    pub node_address: Option<String>,
    /// The port that the manifest names, if it does.
    pub node_port: Option<u16>,
    /// Whether somebody wants this question answered by that node and no other:
    /// it has priority over the config's, then, and over a running miner's
    /// knowledge.
    pub node_is_chosen: bool,
}

impl TransportContext {
    fn from_abi(args: &TransportArgs<'_>) -> Result<Self> {
        let address = args.node_address.as_str();
        Ok(Self {
            network: Network::from_json(args.network.as_str())
                .map_err(|error| Error::from(error).context("the host's network"))?,
            identity: Identity::new(*args.identity),
            data_directory: PathBuf::from(args.data_directory.as_str()),
            agent: args.agent.as_str().to_owned(),
            node_address: (!address.is_empty()).then(|| address.to_owned()),
            node_port: u16::try_from(args.node_port).ok().filter(|port| *port > 0),
            node_is_chosen: args.reserved[abi::features::TRANSPORT_NODE_IS_CHOSEN] != 0,
        })
    }
}

/// The factory of a transport, as a plugin module holds it.
#[doc(hidden)]
pub fn open<T: Transport>(
    args: &OpenArgs<'_>,
    transport: &TransportArgs<'_>,
    port: PortObject,
) -> Result<TransportObject, Fault> {
    let config = crate::guard_config(args, crate::config::parse::<T::Config>)?;
    let context = read_context(args, transport)?;
    session::Session::start(args, port, || T::open(config, &context))
}

/// The check of a transport, as a plugin module holds it.
#[doc(hidden)]
pub fn check<T: Transport>(
    args: &OpenArgs<'_>,
    transport: &TransportArgs<'_>,
) -> Result<RString, Fault> {
    let config = crate::guard_config(args, crate::config::parse::<T::Config>)?;
    let context = read_context(args, transport)?;
    let name = args.instance.as_str().into();
    guard::note_opening(&name);
    let found = guard::run(&name, "check", || T::check(config, &context))?
        .map_err(|error| crate::config::constructor_fault(args, error))?;
    Ok(text::line(&found, text::LONGEST).into())
}

/// A transport's answer to a question, as a plugin module holds it.
#[doc(hidden)]
pub fn ask<T: Transport>(
    args: &OpenArgs<'_>,
    transport: &TransportArgs<'_>,
    question: Question_NE,
) -> Result<Answer_NE, Fault> {
    let config = crate::guard_config(args, crate::config::parse::<T::Config>)?;
    let context = read_context(args, transport)?;
    let name = args.instance.as_str().into();
    guard::note_opening(&name);
    let answer = guard::run(&name, "ask", || {
        T::ask(config, &context, question::from_abi(question)?).and_then(question::to_abi)
    })?;
    answer.map_err(|error| crate::config::constructor_fault(args, error))
}

fn read_context(
    args: &OpenArgs<'_>,
    transport: &TransportArgs<'_>,
) -> Result<TransportContext, Fault> {
    let name = args.instance.as_str().into();
    Ok(guard::run(&name, "its context", || TransportContext::from_abi(transport))??)
}
