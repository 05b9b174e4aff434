//! The transport that answers questions about the chain: the one that was
//! named, or the manifest's first that does.

use std::sync::Arc;

use spacetime_protocol::{
    Identity,
    ask::{Answer, Question},
    network::NetworkError,
};
use spacetime_sdk_loader::{Fault, Kind, abi::FaultCode};
use thiserror::Error;

use super::{
    Fate, FaultObserver, Plan, Registry, RegistryProblem, TransportSetup, TransportSlot, folders,
    inventory, trust::Gate,
};
use crate::manifest::{ComponentEntry, ConfigText, Manifest, PluginEntry};

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The manifest's transports in their order, until one answers.
    First,
    /// The manifest's transport of this name.
    Named(String),
    /// This node and no other, through the transport of this name: with the
    /// manifest's config, or without one where the manifest has none.
    Node {
        /// The transport.
        transport: String,
        /// The node's address.
        address: String,
        /// Its port; `None`: the manifest's, or the transport's own default.
        port: Option<u16>,
    },
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainError {
    /// The manifest names no transport.
    #[error(
        "{0}: `transports` is missing or empty, so there is nobody to ask: name one of those that \
         `spacetime-miner plugin list` shows"
    )]
    NoTransports(String),
    /// None has this name.
    #[error("there is no transport named `{name}`: there are {}", .others.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The others.
        others: Vec<String>,
    },
    /// No transport can be loaded.
    #[error("{0}")]
    Plugins(RegistryProblem),
    /// A transport refuses its config.
    #[error("{0}")]
    Config(Fault),
    /// The network has no form that transports read.
    #[error("{0}")]
    Network(String),
    /// Those that were asked do not answer: each with its reason.
    #[error("{}", .0.join("; "))]
    NoAnswer(Vec<String>),
}

impl From<NetworkError> for ChainError {
    fn from(error: NetworkError) -> Self {
        Self::Network(error.to_string())
    }
}

/// A way to ask about the chain.
#[derive(Debug)]
pub struct ChainAccess {
    setup: TransportSetup,
    transports: Vec<TransportSlot>,
    /// Why others cannot be asked.
    set_aside: Vec<RegistryProblem>,
}

impl ChainAccess {
    /// Loads the manifest's transports, and nothing else of it.
    ///
    /// # Errors
    ///
    /// There is no such transport, or none can be loaded.
    pub fn open(manifest: &Manifest, whom: &Whom, identity: &Identity) -> Result<Self, ChainError> {
        let mut manifest =
            Manifest { strategy: None, engine: None, policy: None, ..manifest.clone() };
        manifest.shadows.clear();
        if let Whom::Node { transport, address, port } = whom {
            manifest.node_address = Some(address.clone());
            manifest.node_port = port.or(manifest.node_port);
            add_transport(&mut manifest, transport);
        }
        if manifest.transports.is_empty() {
            return Err(ChainError::NoTransports(manifest.name()));
        }
        let (mut plan, mut aside) = (Plan::of(&manifest), Vec::new());
        if plan.is_fatal() {
            aside = set_aside(&mut manifest, whom)?;
            plan = Plan::of(&manifest);
        }
        let registry = Registry::load_planned(plan, &manifest, Arc::new(Silent));
        let mut transports = registry.transports();
        let problem = registry.problems().iter().find(|problem| problem.is_fatal());
        let problem = problem.or(aside.first()).or(registry.problems().first());
        if let Whom::Named(name) | Whom::Node { transport: name, .. } = whom {
            let others = transports.iter().map(|slot| slot.name().to_owned()).collect();
            transports.retain(|slot| slot.name() == name);
            if transports.is_empty() && problem.is_none() {
                return Err(ChainError::Unknown { name: name.clone(), others });
            }
        }
        match (transports.is_empty(), problem) {
            (true, Some(problem)) => Err(ChainError::Plugins(problem.clone())),
            (true, None) => Err(ChainError::NoTransports(manifest.name())),
            (false, _) => {
                let node_is_chosen = matches!(whom, Whom::Node { .. });
                let setup = TransportSetup::new(&manifest, identity)?;
                let setup = TransportSetup { node_is_chosen, ..setup };
                Ok(Self { setup, transports, set_aside: aside })
            }
        }
    }

    /// Asks; who has answered once is the only one that is asked from then on.
    ///
    /// # Errors
    ///
    /// Nobody answers.
    pub fn ask(&mut self, question: &Question) -> Result<Answer, ChainError> {
        let mut reasons: Vec<String> = self.set_aside.iter().map(ToString::to_string).collect();
        let is_alone = reasons.is_empty() && self.transports.len() == 1;
        for (position, transport) in self.transports.iter().enumerate() {
            match transport.ask(&self.setup, question) {
                Ok(answer) => {
                    self.transports.swap(0, position);
                    self.transports.truncate(1);
                    self.set_aside.clear();
                    return Ok(answer);
                }
                Err(fault) if fault.code == FaultCode::CONFIG && is_alone => {
                    return Err(ChainError::Config(fault));
                }
                // It names its place by itself.
                Err(fault) if fault.code == FaultCode::CONFIG => reasons.push(fault.to_string()),
                Err(fault) => reasons.push(format!("{}: {fault}", transport.component())),
            }
        }
        Err(ChainError::NoAnswer(reasons))
    }

    /// The name of the transport that is asked first.
    pub fn transport(&self) -> &str {
        self.transports.first().map_or("", TransportSlot::name)
    }
}

/// Leaves out the transports that the manifest gives a wrong name or config:
/// whoever asks another one does not need them. What is wrong with each.
fn set_aside(manifest: &mut Manifest, whom: &Whom) -> Result<Vec<RegistryProblem>, ChainError> {
    let all = std::mem::take(&mut manifest.transports);
    let (mut kept, mut problems, single) = (Vec::new(), Vec::new(), manifest.clone());
    for transport in all {
        let alone = Manifest { transports: vec![transport.clone()], ..single.clone() };
        let plan = Plan::of(&alone);
        let Some(problem) = plan.problems.into_iter().find(RegistryProblem::is_fatal) else {
            kept.push(transport);
            continue;
        };
        // Not another one of that name in its place.
        if matches!(whom, Whom::Named(name) if transport.name.rsplit('/').next() == Some(name)) {
            return Err(ChainError::Plugins(problem));
        }
        problems.push(problem);
    }
    if matches!(whom, Whom::Named(_)) && !kept.is_empty() {
        // It is one of those.
        problems.clear();
    }
    manifest.transports = kept;
    Ok(problems)
}

/// Makes a transport the manifest's only one; where the manifest has none of
/// this name, without a config, and with a plugin at hand that exports it.
fn add_transport(manifest: &mut Manifest, name: &str) {
    manifest.transports.retain(|entry| entry.name.rsplit('/').next() == Some(name));
    manifest.transports.truncate(1);
    if !manifest.transports.is_empty() {
        return;
    }
    let folders = folders(&[], &manifest.plugin_directories);
    let found = inventory(Some(manifest), &folders, &Gate::of(manifest));
    let exports = found.iter().find(|found| {
        let mut components = found.components().iter();
        found.refusal.is_none()
            && components
                .any(|component| component.kind == Kind::Transport && component.name == name)
    });
    if let Some(found) = exports.filter(|found| found.entry.is_none()) {
        manifest.plugins.push(PluginEntry { path: found.path.clone(), ..PluginEntry::default() });
    }
    let config = ConfigText::given("()", "--node");
    manifest.transports.push(ComponentEntry { name: name.to_owned(), plugin: None, config });
}

/// What fails while a question is answered is in the answer.
struct Silent;

impl FaultObserver for Silent {
    fn fault(&self, _: &str, _: &Fault, _: &Fate) {}
}
