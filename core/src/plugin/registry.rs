//! Loads what a manifest lists, and nothing else, and opens the components
//! that it names.

use std::sync::Arc;

use spacetime_sdk_loader::{Engine, Fault, Library, OpenRequest, Policy, Strategy, abi::FaultCode};

use super::{
    health::{FaultObserver, Health, OfShadow},
    opener::{Opener, load},
    plan::{Plan, PlannedComponent, PlannedPlugin, PlannedShadow, refused},
    problem::RegistryProblem,
    services::hub,
    slots::{EngineSlot, PolicySlot, ShadowSlot, StrategySlot, TransportSlot},
};
use crate::{
    foreign::Foreign,
    manifest::Manifest,
    record::StrategyId,
    scan::{EngineSource, StrategySource},
};

/// The components that run.
pub struct Registry {
    libraries: Vec<Library>,
    problems: Vec<RegistryProblem>,
    strategies: Arc<StrategySlot>,
    shadows: Vec<ShadowSlot>,
    engine: Option<Arc<EngineSlot>>,
    policy: Arc<PolicySlot>,
    transports: Vec<TransportSlot>,
}

impl Registry {
    /// Loads the manifest's plugins and opens its strategy, engine and policy,
    /// so that whatever is wrong with them shows at once; with a problem that
    /// is fatal, nothing shall be mined. One that the plugins' files tell is told
    /// before any of them is loaded.
    pub fn load(manifest: &Manifest, observer: Arc<dyn FaultObserver>) -> Self {
        let mut plan = Plan::of(manifest);
        let problems = std::mem::take(&mut plan.problems);
        let is_fatal = problems.iter().any(RegistryProblem::is_fatal);
        let mut loading = Loading { observer, libraries: Vec::new(), problems };
        if is_fatal {
            plan = Plan::default();
        }
        hub().work_in(&manifest.folder);
        for PlannedPlugin { admitted, entry } in plan.plugins {
            let loaded = load(admitted);
            if let Err(refusal) = &loaded {
                loading.problems.push(refused(manifest, &entry, refusal));
            }
            loading.libraries.push(loaded.ok());
        }
        let strategies = Arc::new(loading.strategy(plan.strategy));
        let shadows =
            plan.shadows.into_iter().filter_map(|shadow| loading.shadow(shadow)).collect();
        let engine = loading.engine(plan.engine).map(Arc::new);
        let policy = Arc::new(loading.policy(plan.policy));
        let transports = loading.transports(plan.transports);
        let Loading { libraries, problems, .. } = loading;
        let libraries = libraries.into_iter().flatten().collect();
        Self { libraries, problems, strategies, shadows, engine, policy, transports }
    }

    /// The loaded libraries, in the manifest's order.
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    /// What is wrong, the fatal and the rest.
    pub fn problems(&self) -> &[RegistryProblem] {
        &self.problems
    }

    /// Where strategies come from.
    pub fn strategies(&self) -> Arc<dyn StrategySource> {
        self.strategies.clone()
    }

    /// The strategy in use, with its plugin and config.
    pub fn strategy_id(&self) -> Option<StrategyId> {
        self.strategies.id()
    }

    /// The strategies that are tried beside it.
    pub fn shadows(&self) -> Vec<ShadowSlot> {
        self.shadows.clone()
    }

    /// The configured engine.
    pub fn engine(&self) -> Option<Arc<dyn EngineSource>> {
        self.engine.clone().map(|engine| engine as Arc<dyn EngineSource>)
    }

    /// The policy.
    pub fn policy(&self) -> Arc<PolicySlot> {
        self.policy.clone()
    }

    /// The name of the strategy in use; `None`: all leaves in order.
    pub fn strategy_name(&self) -> Option<&str> {
        self.strategies.name()
    }

    /// The name of the engine in use; `None`: the host's kernels.
    pub fn engine_name(&self) -> Option<&str> {
        self.engine.as_ref().map(|engine| engine.opener.component())
    }

    /// The name of the policy in use; `None`: empty blocks.
    pub fn policy_name(&self) -> Option<&str> {
        self.policy.name()
    }

    /// The configured transports that can be used.
    pub fn transports(&self) -> Vec<TransportSlot> {
        self.transports.clone()
    }
}

/// A registry in the making.
struct Loading {
    observer: Arc<dyn FaultObserver>,
    /// In the plan's order; `None`: it was refused.
    libraries: Vec<Option<Library>>,
    problems: Vec<RegistryProblem>,
}

impl Loading {
    fn strategy(&mut self, planned: Option<PlannedComponent>) -> StrategySlot {
        let instead = "leaves are scanned in order instead";
        let opened = planned.and_then(|planned| {
            let opener = self.opener(planned, Some(instead))?;
            let spare = self.try_open(&opener, instead, Strategy::open)?;
            Some((opener, spare))
        });
        StrategySlot::new(opened)
    }

    fn shadow(&mut self, PlannedShadow { component, reads }: PlannedShadow) -> Option<ShadowSlot> {
        let instead = "nothing is tried in its place";
        let observer = Arc::new(OfShadow(self.observer.clone()));
        let opener = self.opener_for(component, Some(instead), observer)?;
        let spare = self.try_open(&opener, instead, Strategy::open)?;
        let name = opener.instance().to_owned();
        let slot = StrategySlot::new(Some((opener, spare)));
        Some(ShadowSlot::new(name, slot, reads))
    }

    fn engine(&mut self, planned: Option<PlannedComponent>) -> Option<EngineSlot> {
        let instead = "the host's own kernels hash instead";
        let opener = self.opener(planned?, Some(instead))?;
        let engine = self.try_open(&opener, instead, Engine::open)?;
        Some(EngineSlot { opener, engine: Foreign::new(engine) })
    }

    fn policy(&mut self, planned: Option<PlannedComponent>) -> PolicySlot {
        let instead = "blocks are empty instead";
        let opened = planned.and_then(|planned| {
            let opener = self.opener(planned, Some(instead))?;
            let policy = self.try_open(&opener, instead, Policy::open)?;
            Some((opener, policy))
        });
        PolicySlot::new(opened)
    }

    fn transports(&mut self, planned: Vec<PlannedComponent>) -> Vec<TransportSlot> {
        let openers = planned.into_iter().filter_map(|planned| self.opener(planned, None));
        openers.map(TransportSlot::new).collect()
    }

    /// What it takes to open a component, if its plugin could be loaded;
    /// `instead`: what the host does without it, if anything.
    fn opener(&mut self, planned: PlannedComponent, instead: Option<&str>) -> Option<Opener> {
        self.opener_for(planned, instead, self.observer.clone())
    }

    /// The same, with its faults told to somebody else.
    fn opener_for(
        &mut self,
        planned: PlannedComponent,
        instead: Option<&str>,
        observer: Arc<dyn FaultObserver>,
    ) -> Option<Opener> {
        let PlannedComponent { name, instance, culprit, config, plugin, .. } = planned;
        let Some(library) = self.libraries[plugin].clone() else {
            let instead = instead.map(|instead| format!("; {instead}")).unwrap_or_default();
            self.problems.push(RegistryProblem::lasting(format_args!(
                "{culprit} cannot be used: its plugin could not be loaded{instead}"
            )));
            return None;
        };
        let health = Health::new(culprit, observer, instead.is_some());
        hub().watch(&instance, &health);
        Some(Opener::new(library, &name, instance, config, health))
    }

    /// Opens an instance; what goes wrong becomes a problem.
    fn try_open<T: Send + 'static>(
        &mut self,
        opener: &Opener,
        instead: &str,
        open: fn(&Library, &OpenRequest<'_>) -> Result<T, Fault>,
    ) -> Option<T> {
        let fault = match opener.open(open) {
            Ok(opened) => return Some(opened),
            Err(fault) => fault,
        };
        if fault.code == FaultCode::CONFIG {
            self.problems.push(RegistryProblem::fatal(&fault).with_detail(&fault.detail));
            return None;
        }
        let message = format!("{} cannot be used: {fault}; {instead}", opener.health.component());
        self.problems.push(RegistryProblem::lasting(message).with_detail(&fault.detail));
        None
    }
}
