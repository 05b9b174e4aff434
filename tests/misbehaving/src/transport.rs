//! The transport: online and silent, or a session that goes wrong.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde::Deserialize;
use spacetime_sdk::{
    Answer, Builder, Challenge, Error, Event, Port, Question, Request, Result, Schema, StopRule,
    Transport, TransportContext, Verdict, async_trait,
    protocol::{self, BlockHash, Target},
    tokio, tracing,
};

use crate::place::{Failures, Place};

#[derive(Debug, Default, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Config {
    fail: Failures,
    /// The session takes no notice of the host's wish to end it.
    deaf: bool,
    /// Events sent at once after the session began.
    flood: u64,
    /// How the first sessions of this process go; later ones behave.
    sessions: Vec<SessionKind>,
    /// A session that behaves brings a challenge, and wants the best proof.
    challenge: bool,
}

/// How a session goes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Schema)]
#[serde(rename_all = "snake_case")]
enum SessionKind {
    /// It cannot be opened.
    Refused,
    /// It is online, and then ends with an error.
    Broken,
    /// It is online, and then panics.
    Panicked,
}

/// Sessions of this process so far.
static SESSIONS: AtomicUsize = AtomicUsize::new(0);

pub(crate) struct Misconnector {
    fail: Arc<Failures>,
    deaf: bool,
    flood: u64,
    /// Which session of this process it is, from 0 on.
    number: usize,
    kind: Option<SessionKind>,
    challenge: bool,
}

#[async_trait]
impl Transport for Misconnector {
    type Config = Config;

    fn open(config: Config, context: &TransportContext) -> Result<Self> {
        tracing::info!("was given {}", node(context));
        config.fail.at(Place::Open)?;
        let number = SESSIONS.fetch_add(1, Ordering::Relaxed);
        let kind = config.sessions.get(number).copied();
        if kind == Some(SessionKind::Refused) {
            return Err(Error::new(format_args!("misbehaving refuses session {number}")));
        }
        let Config { fail, deaf, flood, challenge, .. } = config;
        Ok(Self { fail: Arc::new(fail), deaf, flood, number, kind, challenge })
    }

    fn check(config: Config, context: &TransportContext) -> Result<String> {
        config.fail.at(Place::Check)?;
        Ok(format!("misbehaving was given {}", node(context)))
    }

    /// Takes no transaction, and answers no other question.
    fn ask(config: Config, _: &TransportContext, question: Question) -> Result<Answer> {
        config.fail.at(Place::Ask)?;
        match question {
            Question::SubmitTransaction { .. } => {
                Ok(Answer::Refused("misbehaving takes no transaction".to_owned()))
            }
            _ => Err(Error::unsupported("misbehaving does not answer this")),
        }
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        let (in_task, in_thread) = (self.fail.clone(), self.fail.clone());
        // The panic is what is wanted; the handles' results say no more.
        let task = async move {
            tracing::trace!("a task in detail");
            in_task.at(Place::Task)
        };
        let _ = tokio::spawn(task).await;
        let _ = std::thread::spawn(move || in_thread.at(Place::Thread)).join();
        self.serve(port).await
    }
}

impl Misconnector {
    async fn serve(&self, port: &mut Port) -> Result<()> {
        port.emit(Event::Online { detail: "misbehaving".to_owned() }).await?;
        for number in 0..self.flood {
            port.emit(Event::Offline { reason: format!("flood {number}") }).await?;
        }
        self.fail.at(Place::Run)?;
        self.go_as_configured()?;
        if self.challenge {
            port.emit(Event::Challenge(challenge())).await?;
        }
        while let Some(request) = port.next_request().await {
            if let Request::SubmitProof { ticket, .. } | Request::SubmitBlock { ticket, .. } =
                request
            {
                let verdict = Verdict::Rejected;
                let reason = "misbehaving rejects everything".to_owned();
                port.emit(Event::Verdict { ticket, verdict, reason }).await?;
            }
        }
        if self.deaf {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    fn go_as_configured(&self) -> Result<()> {
        let number = self.number;
        assert!(self.kind != Some(SessionKind::Panicked), "misbehaving in session {number}");
        if self.kind == Some(SessionKind::Broken) {
            return Err(Error::new(format_args!("misbehaving breaks session {number}")));
        }
        Ok(())
    }
}

/// The node that the manifest names.
fn node(context: &TransportContext) -> String {
    format!("node {:?} port {:?}", context.node_address, context.node_port)
}

/// A challenge without a block to win and without an end of its own.
fn challenge() -> Challenge {
    Challenge {
        id: 1,
        challenge: protocol::Challenge::new([7; 32]),
        parent: BlockHash::new([7; 32]),
        epoch: 1,
        height: 1,
        difficulty: None,
        block_target: None,
        share_target: Some(Target::new([0xFF; 32])),
        stop: StopRule::BestOfAll,
        builder: Builder::Nobody,
        deadline: None,
        publish_at: None,
        min_timestamp: 0,
    }
}

impl Drop for Misconnector {
    fn drop(&mut self) {
        // An error has nowhere to go from here.
        let _ = self.fail.at(Place::Drop);
    }
}
