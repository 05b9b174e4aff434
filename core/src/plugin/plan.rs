//! What a manifest's plugins are and which component each of its entries means,
//! told by the plugins' files alone: none of their code is run. Configs are held
//! to what the files say of them.

use std::path::{Path, PathBuf};

use spacetime_sdk_loader::{
    Descriptor, Fault, Kind, OpenRequest, Refusal, abi::FaultCode, journal::Culprit, resolve,
    unbuilt,
};

use super::{
    choose::{Offer, Unchosen, Wanted, choose},
    crash,
    fallback::Fallback,
    folders::{self, folders, name_of},
    inventory::{Found, inventory},
    opener::admit,
    problem::RegistryProblem,
    quarantine::{Entry, Quarantine},
    trust::{Admitted, Gate, Permission},
};
use crate::manifest::{ComponentEntry, ConfigText, Manifest, PluginEntry, ShadowEntry};

/// What would run.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the manifest's order, without those that are refused.
    pub plugins: Vec<PlannedPlugin>,
    /// `None`: all leaves, in order.
    pub strategy: Option<PlannedComponent>,
    /// Strategies that are tried beside it, in the manifest's order.
    pub shadows: Vec<PlannedShadow>,
    /// `None`: the host's kernels.
    pub engine: Option<PlannedComponent>,
    /// `None`: empty blocks.
    pub policy: Option<PlannedComponent>,
    /// In the manifest's order.
    pub transports: Vec<PlannedComponent>,
    /// What is wrong, the fatal and the rest.
    pub problems: Vec<RegistryProblem>,
    /// What is odd, and in nobody's way.
    pub warnings: Vec<String>,
    /// Plugins of the manifest that are not there, are refused, or must not be
    /// loaded.
    pub(super) left_out: usize,
}

/// A plugin file that can and may be loaded.
#[derive(Debug)]
pub struct PlannedPlugin {
    pub(super) admitted: Admitted,
    pub(super) entry: PluginEntry,
}

/// A strategy that is tried beside the one that mines.
#[derive(Clone, Debug)]
pub struct PlannedShadow {
    /// Which.
    pub component: PlannedComponent,
    pub(super) reads: bool,
}

/// A component that an entry of the manifest means.
#[derive(Clone, Debug)]
pub struct PlannedComponent {
    /// Its kind.
    pub(super) kind: Kind,
    /// Its name.
    pub name: String,
    /// The name under which the instance appears, which no other one has.
    pub instance: String,
    /// It and its plugin, as messages name them.
    pub culprit: String,
    /// Whether its file says what its config may be.
    pub is_described: bool,
    pub(super) config: ConfigText,
    /// What happens without it.
    pub(super) fallback: Fallback,
    /// The position of its plugin.
    pub(super) plugin: usize,
}

impl Plan {
    /// Looks at the files of a manifest's plugins, and at nothing else of them.
    pub fn of(manifest: &Manifest) -> Self {
        let mut planning = Planning {
            manifest,
            folders: folders(&[], &manifest.plugin_directories),
            gate: Gate::of(manifest),
            quarantine: Quarantine::empty(&manifest.data_directory),
            instances: Vec::new(),
            plan: Self::default(),
        };
        planning.read_quarantine();
        for entry in &manifest.plugins {
            planning.look_at(entry);
        }
        let strategy = planning.one(Kind::Strategy, manifest.strategy.as_ref());
        let shadows = manifest.shadows.iter().filter_map(|entry| planning.shadow(entry)).collect();
        let engine = planning.one(Kind::Engine, manifest.engine.as_ref());
        let policy = planning.one(Kind::Policy, manifest.policy.as_ref());
        let transports = manifest
            .transports
            .iter()
            .filter_map(|entry| planning.one(Kind::Transport, Some(entry)))
            .collect();
        Self { strategy, shadows, engine, policy, transports, ..planning.plan }
    }

    /// Whether nothing shall be mined before it is mended.
    pub fn is_fatal(&self) -> bool {
        self.problems.iter().any(RegistryProblem::is_fatal)
    }

    /// All components.
    pub fn components(&self) -> impl Iterator<Item = &PlannedComponent> {
        let shadows = self.shadows.iter().map(|shadow| &shadow.component);
        let single = [&self.strategy, &self.engine, &self.policy].into_iter().flatten();
        single.chain(shadows).chain(&self.transports)
    }
}

/// A plan in the making.
struct Planning<'a> {
    manifest: &'a Manifest,
    folders: Vec<PathBuf>,
    gate: Gate,
    quarantine: Quarantine,
    instances: Vec<String>,
    plan: Plan,
}

impl Planning<'_> {
    fn read_quarantine(&mut self) {
        let (quarantine, read) = crash::quarantine(&self.manifest.data_directory);
        self.quarantine = quarantine;
        if let Err(error) = read {
            let problem = RegistryProblem::lasting(error);
            let next = "nothing on it is quarantined until then";
            self.plan.problems.push(problem.about("quarantine", next));
        }
    }

    fn look_at(&mut self, entry: &PluginEntry) {
        let path = resolve(&entry.path, &self.manifest.folder, &self.folders);
        let admitted = match admit(&self.gate, &path, Some(entry)) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                self.plan.left_out += 1;
                let problem = match path.exists() {
                    true => refused(self.manifest, entry, &refusal),
                    false => self.not_found(entry, &path),
                };
                return self.plan.problems.push(problem);
            }
        };
        if let Some(held) = self.quarantine.held(None, "", admitted.sha256()) {
            self.plan.left_out += 1;
            return self.plan.problems.push(quarantined(&path, held, "it is not loaded"));
        }
        let is_same = |other: &&PlannedPlugin| other.admitted.sha256() == admitted.sha256();
        if let Some(twin) = self.plan.plugins.iter().find(is_same) {
            let before = place(self.manifest, &twin.entry);
            self.plan.warnings.push(format!(
                "{}: `plugins` lists the plugin {} twice, and {before} is the other entry: remove one",
                place(self.manifest, entry),
                path.display(),
            ));
        }
        self.plan.plugins.push(PlannedPlugin { admitted, entry: entry.clone() });
    }

    fn not_found(&self, entry: &PluginEntry, path: &Path) -> RegistryProblem {
        let near = folders::near(&entry.path, path, &self.folders)
            .map(|near| format!("Did you mean `{}`?", near.display()));
        let next = near
            .or_else(|| unbuilt(path))
            .unwrap_or_else(|| "Build or install it, or correct its path".to_owned());
        let folders = folders::list(&self.folders);
        RegistryProblem::lasting(format_args!(
            "{}: there is no plugin file `{}` in {}, nor a crate's of that name in {folders}. {next}",
            place(self.manifest, entry),
            entry.path.display(),
            self.manifest.folder.display(),
        ))
    }

    fn one(&mut self, kind: Kind, entry: Option<&ComponentEntry>) -> Option<PlannedComponent> {
        self.component(kind, entry?, "")
    }

    fn shadow(&mut self, entry: &ShadowEntry) -> Option<PlannedShadow> {
        let component = self.component(Kind::Strategy, &entry.component, "shadow")?;
        Some(PlannedShadow { component, reads: entry.reads })
    }

    /// Finds the component that an entry names, and holds its config to what
    /// its file says of it. `role`: what it is besides its kind, if anything.
    fn component(
        &mut self,
        kind: Kind,
        entry: &ComponentEntry,
        role: &str,
    ) -> Option<PlannedComponent> {
        let wanted = Wanted { kind, name: &entry.name, plugin: entry.plugin.as_deref() };
        let plugins = &self.plan.plugins;
        let offers: Vec<Offer<'_>> = plugins.iter().map(PlannedPlugin::offer).collect();
        let (plugin, name) = match choose(&wanted, &offers) {
            Ok(chosen) => chosen,
            Err(unchosen) => {
                let problem = self.unchosen(unchosen, &wanted, entry);
                self.plan.problems.push(problem);
                return None;
            }
        };
        let descriptor = plugins[plugin].descriptor();
        let (mut culprit, mut called) = (culprit(kind, name, descriptor), name.to_owned());
        if !role.is_empty() {
            (culprit, called) = (format!("{role} {culprit}"), format!("{role}-{name}"));
        }
        let is_described = descriptor.component(kind, name)?.config.is_some();
        if let Err(fault) = check_config(kind, name, descriptor, &entry.config) {
            let fault = explain(&culprit, &entry.config, fault);
            self.plan.problems.push(RegistryProblem::fatal(fault));
        }
        let sha256 = plugins[plugin].admitted.sha256();
        let fallback = if role.is_empty() { Fallback::of(kind) } else { Fallback::OF_SHADOW };
        if let Some(held) = self.quarantine.held(Some(kind), name, sha256) {
            self.plan.problems.push(quarantined(plugins[plugin].path(), held, fallback.always()));
            return None;
        }
        let name = name.to_owned();
        let (instance, config) = (self.instance(kind, &called), entry.config.clone());
        Some(PlannedComponent {
            kind,
            name,
            instance,
            culprit,
            is_described,
            config,
            fallback,
            plugin,
        })
    }

    fn unchosen(
        &self,
        unchosen: Unchosen,
        wanted: &Wanted<'_>,
        entry: &ComponentEntry,
    ) -> RegistryProblem {
        let place = format!("{}:{}", entry.config.origin, entry.config.line);
        let is_unknown = matches!(unchosen, Unchosen::Unknown(_));
        let message = format!("{place}: {}", unchosen.message());
        if is_unknown && self.plan.left_out > 0 {
            return RegistryProblem::lasting(format_args!(
                "{message} (it may be in a plugin that could not be loaded)"
            ));
        }
        if is_unknown {
            // A name that is near is at hand already.
            let is_near = message.ends_with('?');
            let stop = if is_near { "" } else { "." };
            let next = match self.unlisted(wanted) {
                Some(next) => next,
                None if is_near => return RegistryProblem::fatal(message),
                None => "Add its plugin to `plugins`; `spacetime-miner plugin list` shows what is \
                         installed"
                    .to_owned(),
            };
            return RegistryProblem::fatal(format_args!("{message}{stop} {next}"));
        }
        RegistryProblem::fatal(message)
    }

    /// What to do where a plugin has the component that is at hand, but not
    /// listed; a sentence without its stop.
    fn unlisted(&self, wanted: &Wanted<'_>) -> Option<String> {
        let found = inventory(None, &self.folders, &self.gate);
        let (found, offers): (Vec<_>, Vec<_>) = found
            .iter()
            .filter_map(|found| {
                let descriptor = found.descriptor.as_ref()?;
                Some((found, Offer { entry: None, path: &found.path, descriptor }))
            })
            .unzip();
        let (position, _) = choose(wanted, &offers).ok()?;
        let Found { path, permission, refusal, .. } = found[position];
        let there = format!(
            "{} has a {} of that name, and `plugins` does not list it",
            path.display(),
            wanted.kind
        );
        if let Some(refusal) = refusal {
            return Some(format!("{there}. {refusal}"));
        }
        let name = PathBuf::from(name_of(path));
        let is_found = resolve(&name, &self.manifest.folder, &self.folders) == *path;
        let name = if is_found { &name } else { path };
        let trust = match permission {
            Some(Permission::Locked) => ", trust: locked",
            _ => "",
        };
        Some(format!("{there}: add (path: {name:?}{trust}) to it"))
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
    /// The file.
    pub fn path(&self) -> &Path {
        self.admitted.path()
    }

    /// What it says about itself.
    pub fn descriptor(&self) -> &Descriptor {
        self.admitted.descriptor()
    }

    fn offer(&self) -> Offer<'_> {
        let entry = Some(&*self.entry.path);
        Offer { entry, path: self.path(), descriptor: self.descriptor() }
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

/// Says why something is not used although it is there.
fn quarantined(path: &Path, entry: &Entry, instead: &str) -> RegistryProblem {
    let Culprit { kind, component, plugin, .. } = &entry.culprit;
    let how = match kind {
        Some(kind) => format!("has {kind} `{component}`, which {entry}"),
        None => entry.to_string(),
    };
    let refusal = Refusal::quarantined(path, how, crash::name(component, plugin));
    RegistryProblem::lasting(refusal).about(&entry.culprit, instead)
}

/// A component and its plugin, as messages name them.
pub(super) fn culprit(kind: Kind, component: &str, plugin: &Descriptor) -> String {
    format!("{kind} `{component}` (plugin {} {})", plugin.plugin, plugin.version)
}

/// Holds a config to what its component's file says of it; where that says
/// nothing, any fits.
///
/// # Errors
///
/// The first thing that is wrong with it.
pub(super) fn check_config(
    kind: Kind,
    name: &str,
    plugin: &Descriptor,
    config: &ConfigText,
) -> Result<(), Fault> {
    let shape = plugin.component(kind, name).and_then(|component| component.config.as_ref());
    let Some(shape) = shape else { return Ok(()) };
    spacetime_sdk_loader::check_config(
        shape,
        &OpenRequest {
            component: name,
            instance: name,
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
