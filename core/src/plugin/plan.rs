//! What a manifest's plugins are and which component each of its entries means,
//! told by the plugins' files alone: none of their code is run. Configs are held
//! to what the files say of them.

use std::path::PathBuf;

use spacetime_sdk_loader::{
    Component, Descriptor, Fault, Inspection, Kind, OpenRequest, Refusal, abi::FaultCode,
    check_config, resolve,
};

use super::{
    choose::{Offer, Unchosen, Wanted, choose},
    folders::{self, folders},
    problem::RegistryProblem,
};
use crate::manifest::{ComponentEntry, ConfigText, Manifest, PluginEntry};

/// What would run.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the manifest's order, without those that are refused.
    pub plugins: Vec<PlannedPlugin>,
    /// `None`: all leaves, in order.
    pub strategy: Option<PlannedComponent>,
    /// `None`: the host's kernels.
    pub engine: Option<PlannedComponent>,
    /// `None`: empty blocks.
    pub policy: Option<PlannedComponent>,
    /// In the manifest's order.
    pub transports: Vec<PlannedComponent>,
    /// What is wrong, the fatal and the rest.
    pub problems: Vec<RegistryProblem>,
}

/// A plugin file that can be loaded.
#[derive(Clone, Debug)]
pub struct PlannedPlugin {
    /// The file.
    pub path: PathBuf,
    /// What it says about itself.
    pub descriptor: Descriptor,
    pub(super) entry: PluginEntry,
}

/// A component that an entry of the manifest means.
#[derive(Clone, Debug)]
pub struct PlannedComponent {
    /// Its name.
    pub name: String,
    /// The name under which the instance appears, which no other one has.
    pub instance: String,
    /// It and its plugin, as messages name them.
    pub culprit: String,
    /// Whether its file says what its config may be.
    pub is_described: bool,
    pub(super) config: ConfigText,
    /// The position of its plugin.
    pub(super) plugin: usize,
}

impl Plan {
    /// Looks at the files of a manifest's plugins, and at nothing else of them.
    pub fn of(manifest: &Manifest) -> Self {
        let mut planning = Planning {
            manifest,
            folders: folders(&[], &manifest.plugin_directories),
            instances: Vec::new(),
            incomplete: false,
            plan: Self::default(),
        };
        for entry in &manifest.plugins {
            planning.look_at(entry);
        }
        let mut one = |kind, entry: &Option<ComponentEntry>| {
            entry.as_ref().and_then(|entry| planning.component(kind, entry))
        };
        let strategy = one(Kind::Strategy, &manifest.strategy);
        let engine = one(Kind::Engine, &manifest.engine);
        let policy = one(Kind::Policy, &manifest.policy);
        let transports = manifest
            .transports
            .iter()
            .filter_map(|entry| planning.component(Kind::Transport, entry))
            .collect();
        Self { strategy, engine, policy, transports, ..planning.plan }
    }

    /// Whether nothing shall be mined before it is mended.
    pub fn is_fatal(&self) -> bool {
        self.problems.iter().any(RegistryProblem::is_fatal)
    }

    /// All components.
    pub fn components(&self) -> impl Iterator<Item = &PlannedComponent> {
        [&self.strategy, &self.engine, &self.policy].into_iter().flatten().chain(&self.transports)
    }
}

/// A plan in the making.
struct Planning<'a> {
    manifest: &'a Manifest,
    folders: Vec<PathBuf>,
    instances: Vec<String>,
    /// Whether a listed plugin is missing, so that a name may be its.
    incomplete: bool,
    plan: Plan,
}

impl Planning<'_> {
    fn look_at(&mut self, entry: &PluginEntry) {
        let path = resolve(&entry.path, &self.manifest.folder, &self.folders);
        match Inspection::read(&path).and_then(Inspection::accepted) {
            Ok(Inspection { descriptor, .. }) => {
                self.plan.plugins.push(PlannedPlugin { path, descriptor, entry: entry.clone() });
            }
            Err(refusal) => {
                self.incomplete = true;
                let problem = match path.exists() {
                    true => refused(self.manifest, entry, &refusal),
                    false => self.not_found(entry),
                };
                self.plan.problems.push(problem);
            }
        }
    }

    fn not_found(&self, entry: &PluginEntry) -> RegistryProblem {
        let folders = folders::list(&self.folders);
        RegistryProblem::lasting(format_args!(
            "{}: there is no plugin file `{}` in {}, nor a crate's of that name in {folders}. Build \
             or install it, or correct its path",
            place(self.manifest, entry),
            entry.path.display(),
            self.manifest.folder.display(),
        ))
    }

    /// Finds the component that an entry names, and holds its config to what
    /// its file says of it.
    fn component(&mut self, kind: Kind, entry: &ComponentEntry) -> Option<PlannedComponent> {
        let wanted = Wanted { kind, name: &entry.name, plugin: entry.plugin.as_deref() };
        let plugins = &self.plan.plugins;
        let offers: Vec<Offer<'_>> = plugins.iter().map(PlannedPlugin::offer).collect();
        let (plugin, name) = match choose(&wanted, &offers) {
            Ok(chosen) => chosen,
            Err(unchosen) => {
                let problem = self.unchosen(unchosen, entry);
                self.plan.problems.push(problem);
                return None;
            }
        };
        let descriptor = &plugins[plugin].descriptor;
        let component = descriptor.component(kind, name)?;
        let culprit = culprit(kind, name, descriptor);
        let (is_described, fits) = (component.config.is_some(), fits(component, &entry.config));
        if let Err(fault) = fits {
            let fault = explain(&culprit, &entry.config, fault);
            self.plan.problems.push(RegistryProblem::fatal(fault));
        }
        let (instance, config) = (self.instance(kind, name), entry.config.clone());
        let name = name.to_owned();
        Some(PlannedComponent { name, instance, culprit, is_described, config, plugin })
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

impl PlannedPlugin {
    fn offer(&self) -> Offer<'_> {
        let Self { path, descriptor, entry } = self;
        Offer { entry: Some(&entry.path), path, descriptor }
    }
}

/// Where a plugin is listed.
fn place(manifest: &Manifest, entry: &PluginEntry) -> String {
    match entry.line {
        0 => "--set plugins".to_owned(),
        line => format!("{}:{line}", manifest.name()),
    }
}

/// A plugin that cannot be loaded, as a problem of its entry.
pub(super) fn refused(
    manifest: &Manifest,
    entry: &PluginEntry,
    refusal: &Refusal,
) -> RegistryProblem {
    let place = place(manifest, entry);
    RegistryProblem::lasting(format_args!("{place}: {refusal}")).with_detail(refusal.detail())
}

/// A component and its plugin, as messages name them.
pub(super) fn culprit(kind: Kind, component: &str, plugin: &Descriptor) -> String {
    format!("{kind} `{component}` (plugin {} {})", plugin.plugin, plugin.version)
}

fn fits(component: &Component, config: &ConfigText) -> Result<(), Fault> {
    let Some(shape) = &component.config else { return Ok(()) };
    check_config(
        shape,
        &OpenRequest {
            component: &component.name,
            instance: &component.name,
            config: &config.text,
            config_line: config.line,
            config_column: config.column,
            ron_extensions: config.ron_extensions,
        },
    )
}

/// Completes a config's fault with its place, so that it can be shown alone.
pub(super) fn explain(culprit: &str, config: &ConfigText, fault: Fault) -> Fault {
    if fault.code != FaultCode::CONFIG {
        return fault;
    }
    let place = match (config.origin.as_str(), fault.line) {
        (origin, 0) => origin.to_owned(),
        (origin, line) => format!("{origin}:{line}:{}", fault.column),
    };
    let field = match fault.field.as_str() {
        "" => String::new(),
        field => format!(", field `{field}`"),
    };
    let message = format!("{place}: config of {culprit}{field}: {}", fault.message);
    Fault { message, ..fault }
}
