//! The components in use, each with what the host does when it is gone: the
//! built-in plan, the kernels, an empty block.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use spacetime_protocol::{
    Identity,
    ask::{Answer, Question},
    network::NetworkError,
};
use spacetime_sdk_loader::{
    Engine, Fault, Method, Policy, Strategy, Transport, TransportRequest,
    abi::{Candidate, Emitted, Event, PolicyContext},
};

use super::{ask, opener::Opener, services::for_people};
use crate::{
    foreign::{Foreign, call_within},
    manifest::Manifest,
    record::StrategyId,
    scan::{EngineSource, StrategySource},
};

/// What a transport may take to look at its peer.
const CHECK_LIMIT: Duration = Duration::from_secs(30);

/// What a transport may take to answer a question.
const ASK_LIMIT: Duration = Duration::from_secs(30);

/// Opens strategies; none: the built-in plan.
pub(super) struct StrategySlot {
    opener: Option<Opener>,
    /// The instance that was opened to check the config.
    spare: Mutex<Foreign<Option<Strategy>>>,
    /// Whether it was said what costs only itself.
    was_remarked: AtomicBool,
}

impl StrategySlot {
    pub(super) fn new(opened: Option<(Opener, Strategy)>) -> Self {
        let (opener, spare) = opened.unzip();
        let spare = Mutex::new(Foreign::new(spare));
        Self { opener, spare, was_remarked: AtomicBool::new(false) }
    }

    pub(super) fn name(&self) -> Option<&str> {
        let opener = self.opener.as_ref().filter(|opener| opener.health.is_well())?;
        Some(opener.component())
    }

    pub(super) fn id(&self) -> Option<StrategyId> {
        self.opener.as_ref().map(Opener::strategy_id)
    }
}

impl StrategySource for StrategySlot {
    fn open(&self) -> Option<Result<Strategy, Fault>> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).take();
        let opener = self.opener.as_ref().filter(|opener| opener.health.is_well())?;
        if let Some(spare) = spare {
            return Some(Ok(spare));
        }
        let opened = Strategy::open(&opener.library, &opener.request());
        Some(opened.map_err(|fault| opener.explain(fault)))
    }

    fn is_in_use(&self) -> bool {
        self.opener.as_ref().is_some_and(|opener| opener.health.is_well())
    }

    fn failed(&self, fault: &Fault) {
        if let Some(opener) = &self.opener {
            opener.record(fault);
        }
    }

    fn remarked(&self, fault: &Fault) {
        if let Some(opener) = &self.opener
            && !self.was_remarked.swap(true, Ordering::Relaxed)
        {
            opener.health.remark(fault);
        }
    }
}

/// A strategy that is tried beside the one in use.
#[derive(Clone)]
pub struct ShadowSlot {
    /// The name of the instance, unique.
    pub name: String,
    /// Whether it may read, in the time that scans leave.
    pub reads: bool,
    source: Arc<StrategySlot>,
}

impl ShadowSlot {
    pub(super) fn new(name: String, slot: StrategySlot, reads: bool) -> Self {
        Self { name, reads, source: Arc::new(slot) }
    }

    /// Where its instances come from.
    pub fn source(&self) -> Arc<dyn StrategySource> {
        self.source.clone()
    }
}

/// The engine in use.
pub(super) struct EngineSlot {
    pub(super) opener: Opener,
    pub(super) engine: Foreign<Engine>,
}

impl EngineSource for EngineSlot {
    fn engine(&self) -> Option<&Engine> {
        self.opener.health.is_well().then_some(&*self.engine)
    }

    fn failed(&self, fault: &Fault) {
        self.opener.record(fault);
    }
}

/// The policy in use; none: empty blocks.
pub struct PolicySlot {
    policy: Option<(Opener, Mutex<Foreign<Policy>>)>,
}

/// What a policy decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyOutcome {
    /// The positions of the chosen candidates, each once, in block order.
    Chosen(Vec<usize>),
    /// No block, for this reason.
    Veto(String),
}

impl PolicySlot {
    pub(super) fn new(policy: Option<(Opener, Policy)>) -> Self {
        Self { policy: policy.map(|(opener, policy)| (opener, Mutex::new(Foreign::new(policy)))) }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.policy.as_ref().map(|(opener, _)| opener.component())
    }

    /// It and its plugin, as messages name them.
    pub fn culprit(&self) -> &str {
        self.policy.as_ref().map_or("the built-in policy", |(opener, _)| opener.health.component())
    }

    /// How its author finds out more, in words; empty for the built-in one.
    pub fn test(&self) -> String {
        self.policy.as_ref().map_or_else(String::new, |(opener, _)| opener.health.test())
    }

    /// Chooses among the candidates. A policy that fails chooses nothing, and
    /// its fault is observed.
    pub fn select(&self, context: &PolicyContext, candidates: &[Candidate]) -> PolicyOutcome {
        let nothing = PolicyOutcome::Chosen(Vec::new());
        let Some((opener, policy)) = &self.policy else { return nothing };
        if !opener.health.is_well() {
            return nothing;
        }
        let selected =
            policy.lock().unwrap_or_else(PoisonError::into_inner).select(context, candidates);
        match selected {
            Ok(Ok(positions)) => PolicyOutcome::Chosen(positions),
            Ok(Err(reason)) => PolicyOutcome::Veto(for_people(&reason)),
            Err(fault) => {
                opener.record(&fault);
                nothing
            }
        }
    }

    /// It failed in a way that only its caller sees: it does not answer.
    pub fn failed(&self, fault: &Fault) {
        if let Some((opener, _)) = &self.policy {
            opener.record(fault);
        }
    }

    /// So much was wrong with what it chose, of which its caller tells.
    pub fn count_faults(&self, faults: u64) {
        if let Some((opener, _)) = &self.policy {
            opener.health.count(faults);
        }
    }
}

impl fmt::Debug for PolicySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opener = self.policy.as_ref().map(|(opener, _)| opener);
        f.debug_tuple("PolicySlot").field(&opener).finish()
    }
}

/// What all transports are opened with.
#[derive(Clone, Debug)]
pub struct TransportSetup {
    /// The network's JSON.
    pub network: String,
    /// The identity that blocks carry.
    pub identity: [u8; 33],
    /// The folder with a folder per transport.
    pub data_directory: PathBuf,
    /// The manifest's node.
    pub node_address: Option<String>,
    /// The manifest's port.
    pub node_port: Option<u16>,
    /// Whether that node was chosen instead of those of configs.
    pub node_is_chosen: bool,
}

impl TransportSetup {
    /// What a manifest says, for a miner with this identity.
    ///
    /// # Errors
    ///
    /// The network cannot be written as JSON.
    pub fn new(manifest: &Manifest, identity: &Identity) -> Result<Self, NetworkError> {
        Ok(Self {
            network: manifest.network.to_json()?,
            identity: identity.to_bytes(),
            data_directory: manifest.data_directory.clone(),
            node_address: manifest.node_address.clone(),
            node_port: manifest.node_port,
            node_is_chosen: false,
        })
    }

    fn request<'a>(&'a self, directory: &'a Path) -> TransportRequest<'a> {
        TransportRequest {
            network: &self.network,
            identity: &self.identity,
            data_directory: directory,
            agent: concat!("spacetime-miner/", env!("CARGO_PKG_VERSION")),
            node_address: self.node_address.as_deref(),
            node_port: self.node_port,
            node_is_chosen: self.node_is_chosen,
        }
    }
}

/// Where a transport's events go; `None` is one of a kind that this host is
/// too old for. Must not block.
pub type EventSink = Arc<dyn Fn(Option<Event>) -> Emitted + Send + Sync>;

/// A transport that can be opened.
#[derive(Clone, Debug)]
pub struct TransportSlot {
    opener: Opener,
}

impl TransportSlot {
    pub(super) fn new(opener: Opener) -> Self {
        Self { opener }
    }

    /// The name of the instance, unique among transports.
    pub fn name(&self) -> &str {
        self.opener.instance()
    }

    /// The transport and its plugin, as messages name them.
    pub fn component(&self) -> &str {
        self.opener.health.component()
    }

    /// Starts a session, in a folder of the transport's own.
    ///
    /// # Errors
    ///
    /// The folder cannot be made; or the component's or its config's fault,
    /// whose message then names the place in the manifest.
    pub fn open(&self, setup: &TransportSetup, sink: EventSink) -> Result<Transport, Fault> {
        let directory = self.directory(setup);
        fs::create_dir_all(&directory).map_err(|error| {
            Fault::new(format_args!("cannot make its folder {}: {error}", directory.display()))
        })?;
        let request = setup.request(&directory);
        Transport::open(&self.opener.library, &self.opener.request(), &request, sink)
            .map_err(|fault| self.opener.explain(fault))
    }

    /// Looks at config and peer without a session, beside one of another
    /// process. A sentence on what it found, or an empty one.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), but that no folder is made.
    pub fn check(&self, setup: &TransportSetup) -> Result<String, Fault> {
        let (opener, setup) = (self.opener.clone(), setup.clone());
        let directory = self.directory(&setup);
        let check = move || {
            let request = setup.request(&directory);
            Transport::check(&opener.library, &opener.request(), &request)
                .map(|found| for_people(&found))
        };
        call_within(Method::Check, CHECK_LIMIT, check).map_err(|fault| self.opener.explain(fault))
    }

    /// Puts a question to what the transport connects with, without a session,
    /// beside one of another process.
    ///
    /// # Errors
    ///
    /// The component's or its config's; `UNSUPPORTED`: it does not answer
    /// questions, or not this one. `POISONED`: not within half a minute.
    pub fn ask(&self, setup: &TransportSetup, question: &Question) -> Result<Answer, Fault> {
        let question = ask::to_abi(question)?;
        let (opener, setup) = (self.opener.clone(), setup.clone());
        let directory = self.directory(&setup);
        let ask = move || {
            let request = setup.request(&directory);
            Transport::ask(&opener.library, &opener.request(), &request, question)
        };
        call_within(Method::Ask, ASK_LIMIT, ask)
            .and_then(ask::from_abi)
            .map_err(|fault| self.opener.explain(fault))
    }

    /// How its author finds out more, in words.
    pub fn test(&self) -> String {
        self.opener.health.test()
    }

    /// Takes note of a fault that somebody else tells of.
    pub fn count(&self, fault: &Fault) {
        self.opener.count(fault);
    }

    /// Takes note of a fault that a call of the transport returned.
    pub fn failed(&self, fault: &Fault) {
        self.opener.record(fault);
    }

    fn directory(&self, setup: &TransportSetup) -> PathBuf {
        setup.data_directory.join(self.name())
    }
}
