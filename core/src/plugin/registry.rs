//! Loads what a manifest lists, and nothing else, and opens the components
//! that it names.

use std::sync::Arc;

use spacetime_sdk_loader::{Engine, Fault, Library, OpenRequest, Policy, Strategy, abi::FaultCode};

use super::{
    health::{FaultObserver, Health},
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
    warnings: Vec<String>,
    not_loaded: usize,
    /// Components that cannot be opened; what was counted of them is told.
    _unusable: Vec<Opener>,
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
        Self::load_planned(Plan::of(manifest), manifest, observer)
    }

    /// As [`load`](Self::load), by the plan of this very manifest.
    pub(super) fn load_planned(
        mut plan: Plan,
        manifest: &Manifest,
        observer: Arc<dyn FaultObserver>,
    ) -> Self {
        let problems = std::mem::take(&mut plan.problems);
        let (warnings, mut not_loaded) = (std::mem::take(&mut plan.warnings), plan.left_out);
        let is_fatal = problems.iter().any(RegistryProblem::is_fatal);
        let mut loading =
            Loading { observer, libraries: Vec::new(), problems, unusable: Vec::new() };
        if is_fatal {
            plan = Plan::default();
        }
        hub().work_in(&manifest.folder);
        for PlannedPlugin { admitted, entry } in plan.plugins {
            let loaded = load(admitted);
            if let Err(refusal) = &loaded {
                loading.problems.push(refused(manifest, &entry, refusal));
                not_loaded += 1;
            }
            loading.libraries.push(loaded.ok());
        }
        let strategies = Arc::new(loading.strategy(plan.strategy));
        let shadows =
            plan.shadows.into_iter().filter_map(|shadow| loading.shadow(shadow)).collect();
        let engine = loading.engine(plan.engine).map(Arc::new);
        let policy = Arc::new(loading.policy(plan.policy));
        let transports = loading.transports(plan.transports);
        let Loading { libraries, problems, unusable, .. } = loading;
        let libraries = libraries.into_iter().flatten().collect();
        Self {
            libraries,
            problems,
            warnings,
            not_loaded,
            _unusable: unusable,
            strategies,
            shadows,
            engine,
            policy,
            transports,
        }
    }

    /// The loaded libraries, in the manifest's order.
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    /// What is wrong, the fatal and the rest.
    pub fn problems(&self) -> &[RegistryProblem] {
        &self.problems
    }

    /// What is odd, and in nobody's way.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How many of the manifest's plugins are not loaded.
    pub fn not_loaded(&self) -> usize {
        self.not_loaded
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
    /// Components that cannot be opened.
    unusable: Vec<Opener>,
}

impl Loading {
    fn strategy(&mut self, planned: Option<PlannedComponent>) -> StrategySlot {
        StrategySlot::new(planned.and_then(|planned| self.open(planned, Strategy::open)))
    }

    fn shadow(&mut self, PlannedShadow { component, reads }: PlannedShadow) -> Option<ShadowSlot> {
        let opened = self.open(component, Strategy::open)?;
        let name = opened.0.instance().to_owned();
        Some(ShadowSlot::new(name, StrategySlot::new(Some(opened)), reads))
    }

    fn engine(&mut self, planned: Option<PlannedComponent>) -> Option<EngineSlot> {
        let (opener, engine) = self.open(planned?, Engine::open)?;
        Some(EngineSlot { opener, engine: Foreign::new(engine) })
    }

    fn policy(&mut self, planned: Option<PlannedComponent>) -> PolicySlot {
        PolicySlot::new(planned.and_then(|planned| self.open(planned, Policy::open)))
    }

    fn transports(&mut self, planned: Vec<PlannedComponent>) -> Vec<TransportSlot> {
        let openers = planned.into_iter().filter_map(|planned| self.opener(planned));
        openers.map(TransportSlot::new).collect()
    }

    /// What it takes to open a component, if its plugin could be loaded.
    fn opener(&mut self, planned: PlannedComponent) -> Option<Opener> {
        let PlannedComponent { kind, name, instance, culprit, config, plugin, fallback, .. } =
            planned;
        let Some(library) = self.libraries[plugin].clone() else {
            let message = "it cannot be used: its plugin could not be loaded";
            self.problems.push(RegistryProblem::lasting(message).about(culprit, fallback.always()));
            return None;
        };
        let health = Health::new(culprit, library.path(), self.observer.clone(), fallback);
        Some(Opener::new(library, kind, &name, instance, config, health))
    }

    /// Opens an instance; what goes wrong becomes a problem.
    fn open<T: Send + 'static>(
        &mut self,
        planned: PlannedComponent,
        open: fn(&Library, &OpenRequest<'_>) -> Result<T, Fault>,
    ) -> Option<(Opener, T)> {
        let fallback = planned.fallback;
        let opener = self.opener(planned)?;
        let fault = match opener.open(open) {
            Ok(opened) => return Some((opener, opened)),
            Err(fault) => fault,
        };
        opener.count(&fault);
        if fault.code == FaultCode::CONFIG {
            self.problems.push(RegistryProblem::fatal(&fault).with_detail(&fault.detail));
            return None;
        }
        let component = opener.health.component();
        let message = format!("{component} cannot be used: {fault}");
        let problem = RegistryProblem::lasting(message).about(component, fallback.always());
        self.problems.push(problem.with_detail(&fault.detail));
        self.unusable.push(opener);
        None
    }
}
