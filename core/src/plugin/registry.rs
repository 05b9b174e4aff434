//! Loads what a manifest lists, and nothing else, and finds the components
//! that it names.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use spacetime_sdk_loader::{
    Engine, Fault, Kind, Library, OpenRequest, PluginFile, Policy, Strategy, abi::FaultCode,
    resolve,
};

use super::{
    choose::{Offer, Unchosen, Wanted, choose},
    crash,
    folders::{self, folders},
    health::{FaultObserver, Health, OfShadow},
    opener::{Opener, culprit, load},
    problem::RegistryProblem,
    quarantine::{Entry, Quarantine},
    services::hub,
    slots::{EngineSlot, PolicySlot, ShadowSlot, StrategySlot, TransportSlot},
    trust::Gate,
};
use crate::{
    foreign::Foreign,
    manifest::{ComponentEntry, Manifest, PluginEntry, ShadowEntry},
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
    /// is fatal, nothing shall be mined.
    pub fn load(manifest: &Manifest, observer: Arc<dyn FaultObserver>) -> Self {
        hub().work_in(&manifest.folder);
        let mut loading = Loading::new(manifest, observer);
        for entry in &manifest.plugins {
            loading.load(entry);
        }
        let strategies = Arc::new(loading.strategy());
        let shadows = manifest.shadows.iter().filter_map(|entry| loading.shadow(entry)).collect();
        let engine = loading.engine().map(Arc::new);
        let policy = Arc::new(loading.policy());
        let transports = loading.transports();
        let Loading { libraries, problems, .. } = loading;
        let libraries = libraries.into_iter().map(|(_, library)| library).collect();
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
struct Loading<'a> {
    manifest: &'a Manifest,
    observer: Arc<dyn FaultObserver>,
    folders: Vec<PathBuf>,
    quarantine: Quarantine,
    gate: Gate,
    /// With the paths of their manifest entries.
    libraries: Vec<(PathBuf, Library)>,
    instances: Vec<String>,
    problems: Vec<RegistryProblem>,
    /// Whether a listed plugin is missing, so that a name may be its.
    incomplete: bool,
}

impl<'a> Loading<'a> {
    fn new(manifest: &'a Manifest, observer: Arc<dyn FaultObserver>) -> Self {
        let mut problems = Vec::new();
        let quarantine = Quarantine::read(&manifest.data_directory).unwrap_or_else(|error| {
            let problem = RegistryProblem::lasting(error);
            problems.push(problem.about("quarantine", "nothing is quarantined until then"));
            Quarantine::empty(&manifest.data_directory)
        });
        Self {
            manifest,
            observer,
            folders: folders(&[], &manifest.plugin_directories),
            quarantine,
            gate: Gate::of(manifest),
            libraries: Vec::new(),
            instances: Vec::new(),
            problems,
            incomplete: false,
        }
    }

    fn load(&mut self, entry: &PluginEntry) {
        let path = resolve(&entry.path, &self.manifest.folder, &self.folders);
        if let Some(held) = self.held_file(&path) {
            self.incomplete = true;
            return self.problems.push(quarantined(&held, "it is not loaded"));
        }
        let refusal = match load(&self.gate, &path, Some(entry)) {
            Ok(library) => return self.libraries.push((entry.path.clone(), library)),
            Err(refusal) => refusal,
        };
        let reason = match path.exists() {
            true => refusal.to_string(),
            false => self.not_found(entry),
        };
        self.incomplete = true;
        let place = match entry.line {
            0 => "--set plugins".to_owned(),
            line => format!("{}:{line}", self.manifest.name()),
        };
        let problem = RegistryProblem::lasting(format_args!("{place}: {reason}"));
        self.problems.push(problem.with_detail(refusal.detail()));
    }

    /// Why a file is not even loaded.
    fn held_file(&self, path: &Path) -> Option<Entry> {
        if !self.quarantine.holds_files() {
            return None;
        }
        // What cannot be read cannot be loaded either, and is told of then.
        let file = PluginFile::read(path).ok()?;
        self.quarantine.held(None, "", file.sha256()).cloned()
    }

    fn not_found(&self, entry: &PluginEntry) -> String {
        let folders = folders::list(&self.folders);
        format!(
            "there is no plugin file `{}` in {}, nor a crate's of that name in {folders}. Build or \
             install it, or correct its path",
            entry.path.display(),
            self.manifest.folder.display(),
        )
    }

    fn strategy(&mut self) -> StrategySlot {
        let opened = self.opener(Kind::Strategy, self.manifest.strategy.as_ref());
        StrategySlot::new(opened.and_then(|opener| {
            let spare = self.try_open(&opener, instead(Kind::Strategy), Strategy::open)?;
            Some((opener, spare))
        }))
    }

    fn shadow(&mut self, entry: &ShadowEntry) -> Option<ShadowSlot> {
        let component = &entry.component;
        let observer = Arc::new(OfShadow(self.observer.clone()));
        let opener = self.opener_for(Kind::Strategy, component, Some(observer))?;
        let spare = self.try_open(&opener, INSTEAD_OF_SHADOW, Strategy::open)?;
        let name = opener.instance().to_owned();
        let slot = StrategySlot::new(Some((opener, spare)));
        Some(ShadowSlot::new(name, slot, entry.reads))
    }

    fn engine(&mut self) -> Option<EngineSlot> {
        let opener = self.opener(Kind::Engine, self.manifest.engine.as_ref())?;
        let engine = self.try_open(&opener, instead(Kind::Engine), Engine::open)?;
        Some(EngineSlot { opener, engine: Foreign::new(engine) })
    }

    fn policy(&mut self) -> PolicySlot {
        let opened = self.opener(Kind::Policy, self.manifest.policy.as_ref()).and_then(|opener| {
            let policy = self.try_open(&opener, instead(Kind::Policy), Policy::open)?;
            Some((opener, policy))
        });
        PolicySlot::new(opened)
    }

    fn transports(&mut self) -> Vec<TransportSlot> {
        let entries = &self.manifest.transports;
        let openers: Vec<Option<Opener>> =
            entries.iter().map(|entry| self.opener(Kind::Transport, Some(entry))).collect();
        openers.into_iter().flatten().map(TransportSlot::new).collect()
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
        let component = opener.health.component();
        let message = format!("{component} cannot be used: {fault}");
        let problem = RegistryProblem::lasting(message).about(component, instead);
        self.problems.push(problem.with_detail(&fault.detail));
        None
    }

    /// Finds the component that an entry names.
    fn opener(&mut self, kind: Kind, entry: Option<&ComponentEntry>) -> Option<Opener> {
        self.opener_for(kind, entry?, None)
    }

    /// The same; `shadow`: as a shadow, whose faults are told there.
    fn opener_for(
        &mut self,
        kind: Kind,
        entry: &ComponentEntry,
        shadow: Option<Arc<dyn FaultObserver>>,
    ) -> Option<Opener> {
        let wanted = Wanted { kind, name: &entry.name, plugin: entry.plugin.as_deref() };
        let offers: Vec<Offer<'_>> = self
            .libraries
            .iter()
            .map(|(entry, library)| Offer {
                entry: Some(entry),
                path: library.path(),
                descriptor: library.descriptor(),
            })
            .collect();
        let (position, name) = match choose(&wanted, &offers) {
            Ok(chosen) => chosen,
            Err(unchosen) => {
                let problem = self.unchosen(unchosen, entry);
                self.problems.push(problem);
                return None;
            }
        };
        let library = self.libraries[position].1.clone();
        if let Some(held) = self.quarantine.held_of(kind, name, &library) {
            let instead = if shadow.is_some() { INSTEAD_OF_SHADOW } else { instead(kind) };
            self.problems.push(quarantined(held, instead));
            return None;
        }
        let replaceable = kind != Kind::Transport;
        let component = culprit(kind, name, &library);
        let (component, instance, observer) = match shadow {
            Some(observer) => {
                let instance = self.instance(kind, &format!("shadow-{name}"));
                (format!("shadow {component}"), instance, observer)
            }
            None => (component, self.instance(kind, name), self.observer.clone()),
        };
        let health = Health::new(component, observer, replaceable);
        hub().watch(&instance, &health, library.caller(kind, name, &instance));
        Some(Opener::new(library, name, instance, entry.config.clone(), health))
    }

    fn unchosen(&self, unchosen: Unchosen, entry: &ComponentEntry) -> RegistryProblem {
        let place = format!("{}:{}", entry.config.origin, entry.config.line);
        let is_unknown = matches!(unchosen, Unchosen::Unknown(_));
        let message = format!("{place}: {}", unchosen.message());
        if is_unknown && self.incomplete {
            return RegistryProblem::lasting(format_args!(
                "{message} (it may be in a plugin that could not be loaded)"
            ));
        }
        if is_unknown {
            let stop = if message.ends_with('?') { "" } else { "." };
            return RegistryProblem::fatal(format_args!(
                "{message}{stop} Add its plugin to `plugins`; `spacetime-miner plugin list` shows what \
                 is installed"
            ));
        }
        RegistryProblem::fatal(message)
    }

    /// A name for an instance that no other one has.
    fn instance(&mut self, kind: Kind, name: &str) -> String {
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let qualified = (kind != Kind::Transport).then(|| format!("{kind}-{name}"));
        let instance = std::iter::once(name.to_owned())
            .chain(qualified)
            .chain(numbered)
            .find(|instance| !self.instances.contains(instance))
            .unwrap_or_else(|| name.to_owned());
        self.instances.push(instance.clone());
        instance
    }
}

/// What happens without a shadow.
const INSTEAD_OF_SHADOW: &str = "nothing is tried in its place";

/// What happens without a component of a kind.
fn instead(kind: Kind) -> &'static str {
    match kind {
        Kind::Strategy => "leaves are scanned in order instead",
        Kind::Engine => "the host's own kernels hash instead",
        Kind::Policy => "blocks are empty instead",
        Kind::Transport | Kind::Unknown => "nothing can take its place",
    }
}

/// Says why something is not used although it is there.
fn quarantined(entry: &Entry, instead: &str) -> RegistryProblem {
    let name = crash::name(&entry.culprit.component, &entry.culprit.plugin);
    RegistryProblem::lasting(format_args!(
        "{} {entry}. It is used again when its file changes, or after `spacetime-miner plugin \
         release {name}`. [PLG-0060]",
        entry.culprit
    ))
    .about(&entry.culprit, instead)
}
