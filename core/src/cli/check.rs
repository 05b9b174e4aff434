//! `check`: looks at everything that mining would need, mines nothing, and
//! takes no lock, so that it works beside a running miner. Plugins' code is run
//! only with `--load`.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use spacetime_protocol::{
    Identity, Leaf,
    keys::{Scheme, SecretKey},
};
use spacetime_sdk_loader::{Descriptor, Fault, abi::FaultCode};

use super::{Exit, Failure, Output, Style, manifest::ManifestArgs};
use crate::{
    kernels, keys,
    manifest::Manifest,
    observe,
    plots::{Eligible, PlotFile, PlotProblem, PlotSet},
    plugin::{Fate, FaultObserver, Plan, PlannedComponent, Registry, TransportSetup},
};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Also load the plugins, which runs their code: open the components, and ask
    /// each transport about its chain or node
    #[arg(long)]
    load: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    manifest: String,
    network_id: String,
    key: Option<Key>,
    plots: Plots,
    plugins: Vec<Plugin>,
    // What would be used; `None` is the host's own.
    strategy: Option<String>,
    engine: Option<String>,
    policy: Option<String>,
    /// What hashes on this machine.
    kernels: &'static str,
    transports: Vec<Transport>,
    /// What `run` would do about it, or what is merely unusual.
    notes: Vec<String>,
    /// What mining goes on without, or in spite of.
    warnings: Vec<Warning>,
    problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
struct Key {
    path: PathBuf,
    scheme: Scheme,
    identity: Identity,
}

#[derive(Debug, Default, Serialize)]
struct Plots {
    count: usize,
    leaves: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Plugin {
    plugin: String,
    version: String,
    path: PathBuf,
}

#[derive(Debug, Serialize)]
struct Transport {
    name: String,
    /// What it says of its chain or node; `None`: it was not asked.
    status: Option<String>,
}

#[derive(Debug, Serialize)]
struct Warning {
    area: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
struct Problem {
    area: &'static str,
    message: String,
    #[serde(skip)]
    exit: Exit,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load()?;
    let report = Report::of(&manifest, args.load);
    output.result(&report, report.text(output))?;
    match report.problems.first() {
        None => Ok(()),
        Some(first) => {
            let more = match report.problems.len() - 1 {
                0 => String::new(),
                others => format!(" (and {others} more)"),
            };
            Err(Failure::new(first.exit, format_args!("{}{more}", first.message)))
        }
    }
}

impl Report {
    fn of(manifest: &Manifest, load: bool) -> Self {
        let mut report = Self {
            ok: true,
            manifest: manifest.name(),
            network_id: manifest.network.id.clone(),
            key: None,
            plots: Plots::default(),
            plugins: Vec::new(),
            strategy: None,
            engine: None,
            policy: None,
            kernels: kernels::in_use().name(),
            transports: Vec::new(),
            notes: Vec::new(),
            warnings: Vec::new(),
            problems: Vec::new(),
        };
        let exposed = manifest.exposed().into_iter();
        report.warnings.extend(exposed.map(|message| Warning { area: "manifest", message }));
        report.look_at_plugins(manifest, load);
        report.look_at_plots(manifest);
        report.look_at_key(manifest);
        report.ok = report.problems.is_empty();
        report
    }

    fn problem(&mut self, exit: Exit, area: &'static str, message: impl ToString) {
        self.problems.push(Problem { area, message: message.to_string(), exit });
    }

    fn look_at_plugins(&mut self, manifest: &Manifest, load: bool) {
        if manifest.transports.is_empty() {
            let message = "`transports` is missing or empty: no challenge would ever come";
            self.problem(Exit::Manifest, "manifest", message);
        }
        match load {
            false => self.read_plugins(manifest),
            true => self.load_plugins(manifest),
        }
    }

    fn warn_of_plugins(&mut self, warnings: &[String]) {
        let warnings = warnings.iter().cloned();
        self.warnings.extend(warnings.map(|message| Warning { area: "plugin", message }));
    }

    /// What the plugins' files tell.
    fn read_plugins(&mut self, manifest: &Manifest) {
        let plan = Plan::of(manifest);
        for problem in &plan.problems {
            self.problem(Exit::Plugin, "plugin", problem);
        }
        self.warn_of_plugins(&plan.warnings);
        for component in plan.components().filter(|component| !component.is_described) {
            self.notes.push(format!(
                "the file of {} does not say what its config may be: `check --load` asks its code",
                component.culprit
            ));
        }
        let name = |component: Option<PlannedComponent>| component.map(|component| component.name);
        let files = plan.plugins.iter();
        self.plugins = files.map(|file| Plugin::of(file.descriptor(), file.path())).collect();
        self.transports = plan
            .transports
            .into_iter()
            .map(|transport| Transport { name: transport.instance, status: None })
            .collect();
        self.strategy = name(plan.strategy);
        self.engine = name(plan.engine);
        self.policy = name(plan.policy);
    }

    /// What their code says besides.
    fn load_plugins(&mut self, manifest: &Manifest) {
        let registry = Registry::load(manifest, Arc::new(Silent));
        for problem in registry.problems() {
            self.problem(Exit::Plugin, "plugin", problem);
        }
        self.warn_of_plugins(registry.warnings());
        let libraries = registry.libraries().iter();
        self.plugins =
            libraries.map(|library| Plugin::of(library.descriptor(), library.path())).collect();
        self.strategy = registry.strategy_name().map(str::to_owned);
        self.engine = registry.engine_name().map(str::to_owned);
        self.policy = registry.policy_name().map(str::to_owned);
        self.ask_transports(manifest, &registry);
    }

    fn ask_transports(&mut self, manifest: &Manifest, registry: &Registry) {
        // A transport's check needs an identity, not the user's: the key may
        // not be there yet, and is looked at for itself.
        let anybody = SecretKey::new(Scheme::Ed25519, [1; 32].into());
        let setup = anybody.map_err(|error| error.to_string()).and_then(|key| {
            TransportSetup::new(manifest, &key.identity()).map_err(|error| error.to_string())
        });
        let setup = match setup {
            Ok(setup) => setup,
            Err(error) => return self.problem(Exit::Manifest, "manifest", error),
        };
        for transport in registry.transports() {
            let name = transport.name().to_owned();
            match transport.check(&setup) {
                Ok(status) => self.transports.push(Transport { name, status: Some(status) }),
                Err(fault) if fault.code == FaultCode::CONFIG => {
                    self.problem(Exit::Plugin, "plugin", fault);
                }
                Err(fault) => {
                    let message = format!("{}: {fault}", transport.component());
                    self.problem(Exit::Chain, "chain", message);
                }
            }
        }
    }

    fn look_at_plots(&mut self, manifest: &Manifest) {
        let metadata = &manifest.plot_metadata_path;
        match PlotSet::inspect(&manifest.plot_directories, metadata) {
            Ok((mut set, problems)) => {
                // What is wrong with the key is told for itself.
                let key = keys::load(&manifest.private_key_path).ok();
                let key = key.map(|key| key.plot_key());
                let set_aside = set.keep_only(Eligible::of(&manifest.network, key));
                set.plots().iter().for_each(|plot| self.plots.add(plot));
                for problem in problems {
                    self.look_at_plot_problem(manifest, &problem);
                }
                set_aside.iter().for_each(|problem| self.look_at_set_aside(problem));
            }
            Err(error) => self.problem(Exit::Plot, "plot", error),
        }
        if self.plots.count == 0 {
            self.note_no_plots(manifest);
        }
    }

    /// A plot that cannot win is no problem beside one that can.
    fn look_at_set_aside(&mut self, problem: &PlotProblem) {
        match self.plots.count {
            0 => self.problem(Exit::Plot, "plot", problem),
            _ => self.warnings.push(Warning { area: "plot", message: problem.to_string() }),
        }
    }

    /// A folder that `run` makes on its first run is no problem before it.
    fn look_at_plot_problem(&mut self, manifest: &Manifest, problem: &PlotProblem) {
        let is_folder = manifest.plot_directories.contains(&problem.path);
        if is_folder && may_make_plot(manifest).is_some() && !problem.path.exists() {
            return;
        }
        self.problem(Exit::Plot, "plot", problem);
    }

    fn note_no_plots(&mut self, manifest: &Manifest) {
        // What is there is in the way of another one, or says why it does not count.
        if self.problems.iter().any(|problem| problem.area == "plot") {
            return;
        }
        match may_make_plot(manifest) {
            Some(bytes) => {
                self.notes.push(format!("`run` will make a plot of {bytes} bytes first"));
                let (leaves, least) = (bytes / Leaf::SIZE as u64, manifest.network.min_plot_leaves);
                if leaves < least {
                    let message = format!(
                        "`first_run.plot_size` makes a plot of {leaves} leaves; on this network only \
                         plots of at least {least} leaves win"
                    );
                    self.problem(Exit::Manifest, "manifest", message);
                }
            }
            None => self.problem(
                Exit::Plot,
                "plot",
                "there is no plot: make one with `spacetime-miner plot create`",
            ),
        }
    }

    fn look_at_key(&mut self, manifest: &Manifest) {
        let path = &manifest.private_key_path;
        let may_create = manifest.first_run.is_some_and(|first_run| first_run.create_key);
        if may_create && !path.exists() {
            self.notes.push(format!("`run` will make a key {} first", path.display()));
            return;
        }
        match keys::load(path) {
            Ok(key) => {
                let (scheme, identity) = (key.scheme(), key.identity());
                self.key = Some(Key { path: path.clone(), scheme, identity });
            }
            Err(error) => self.problem(Exit::Key, "key", error),
        }
    }

    fn text(&self, output: &Output) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let mut row = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<11}{value}");
        };
        row("manifest", &self.manifest);
        row("network", &self.network_id);
        let key = self.key.as_ref();
        row(
            "key",
            &key.map_or("-".to_owned(), |key| format!("{} {}", key.path.display(), key.identity)),
        );
        let Plots { count, leaves, bytes } = self.plots;
        let plots = observe::count(count as u64, "plot");
        let (leaves, bytes) = (observe::count(leaves, "leaf"), observe::count(bytes, "byte"));
        row("plots", &format!("{plots} with {leaves}, {bytes}"));
        for plugin in &self.plugins {
            let path = output.paint(Style::Dim, plugin.path.display());
            row("plugin", &format!("{} {} {path}", plugin.plugin, plugin.version));
        }
        row("strategy", self.strategy.as_deref().unwrap_or("all leaves, in order"));
        row("engine", self.engine.as_deref().unwrap_or("the host's kernels"));
        row("kernels", self.kernels);
        row("policy", self.policy.as_deref().unwrap_or("empty blocks"));
        for transport in &self.transports {
            let status = transport.status.as_deref().unwrap_or_default();
            row("transport", format!("{} {status}", transport.name).trim_end());
        }
        for note in &self.notes {
            row("note", note);
        }
        for warning in &self.warnings {
            row("warning", &output.paint(Style::Warn, &warning.message));
        }
        for problem in &self.problems {
            row("problem", &output.paint(Style::Bad, &problem.message));
        }
        text.push_str(&match self.ok {
            true => output.paint(Style::Good, "ready to mine"),
            false => output.paint(Style::Bad, "not ready to mine"),
        });
        text
    }
}

/// The size in bytes of the plot that `run` makes when there is none.
fn may_make_plot(manifest: &Manifest) -> Option<u64> {
    manifest.first_run.and_then(|first_run| first_run.plot_bytes)
}

impl Plots {
    fn add(&mut self, plot: &PlotFile) {
        self.count += 1;
        self.leaves += plot.header().leaf_count;
        self.bytes += plot.size_bytes();
    }
}

impl Plugin {
    fn of(descriptor: &Descriptor, path: &Path) -> Self {
        let Descriptor { plugin, version, .. } = descriptor;
        Self { plugin: plugin.clone(), version: version.clone(), path: path.to_owned() }
    }
}

/// What fails while components are opened becomes a problem.
struct Silent;

impl FaultObserver for Silent {
    fn fault(&self, _: &str, _: &Fault, _: &Fate) {}
}
