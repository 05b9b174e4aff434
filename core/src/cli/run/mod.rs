//! `run`: mine.

mod first_run;
mod sinks;

use std::{
    io,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use spacetime_protocol::keys::SecretKey;
use uuid::Uuid;

use self::sinks::Shown;
use super::{Exit, Failure, Output, log, manifest::ManifestArgs, seconds};
use crate::{
    engine::{self, Config, Inbox, Outcome, PlotSource, Setup},
    kernels,
    manifest::Manifest,
    observe::{Fault, Started, Stream},
    plots::{Eligible, PlotFile, PlotProblem, PlotSet},
    plugin::{self, Registry, RegistryProblem, TransportSetup},
    record::{self, Run},
    scan::{Hasher, LeafSource, Planner, Scanner, Supply},
};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Stop, with exit code 0, once so many blocks of ours are accepted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    until_blocks: Option<u64>,
    /// Stop after so many seconds; with --until-blocks, running out first is exit code 9
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    /// Use no strategy, engine or policy of a plugin, and only transports that came with the miner
    #[arg(long)]
    safe_mode: bool,
    /// Mine only if every plugin that the manifest lists can be loaded, and each component used
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let started = SystemTime::now();
    let mut manifest = args.manifest.load()?;
    if args.safe_mode {
        be_safe(&mut manifest, output)?;
    }
    manifest.exposed().iter().for_each(|sentence| output.warn(sentence));
    // Plugins first: what is wrong with the manifest shows before anything is
    // made.
    let inbox = Inbox::default();
    let mut told = plugin::keep_journal(&manifest.data_directory);
    let registry = load_plugins(args, &manifest, &inbox, output).inspect_err(|_| {
        // There will be no event that tells of it.
        told.iter()
            .for_each(|problem| output.error(format_args!("{}: {problem}", problem.culprit())));
    })?;
    for sentence in plugin::forget_replaced(&manifest.data_directory, registry.libraries()) {
        output.note(sentence);
    }
    told.extend_from_slice(registry.problems());
    let (mut plots, mut problems) = open_plots(&manifest)?;
    let key = first_run::key(&manifest, output)?;
    problems.extend(plots.keep_only(Eligible::of(&manifest.network, Some(key.plot_key()))));
    let faults = told.iter().map(plugin_fault);
    let live = Live { set: plots, first: problems, faults: faults.collect() };
    let mut live = first_run::plot(&manifest, &key, live, output)?;
    live.faults.extend(no_plots(&manifest, &live));
    let shown = Shown::default();
    let stream =
        Stream::start(sinks::sink(output, shown.clone())).map_err(|error| system(&error))?;
    let scanner = scanner(&manifest, &key, &registry)?;
    let record = &manifest.record;
    let setup = Setup {
        config: config(args, &manifest, &key, &registry, started),
        run: this_run(&manifest, &registry, &scanner),
        record: record.enabled.then(|| (record.file.clone(), record.limit)),
        shadows: registry.shadows(),
        scanner,
        policy: registry.policy(),
        plugins_not_loaded: registry.not_loaded() as u64,
        transports: registry.transports(),
        transport_setup: TransportSetup::new(&manifest, &key.identity())
            .map_err(|error| Failure::new(Exit::Manifest, error))?,
        retry_interval: manifest.retry_interval,
        boot_attempts: manifest.max_connection_retries,
        started: Started {
            safe_mode: args.safe_mode,
            ..what_runs(&manifest, &key, &live, &registry)
        },
        plots: Box::new(live),
        key,
        inbox,
        stream,
        set_verbosity: set_verbosity(output),
    };
    let outcome = engine::run(setup).map_err(|error| system(&error))?;
    shown.failure()?;
    finish(args, outcome)
}

fn finish(args: &Args, outcome: Outcome) -> Result<(), Failure> {
    match (outcome, args.until_blocks) {
        (Outcome::TimeOver, Some(blocks)) => Err(Failure::new(
            Exit::TimeUp,
            format_args!("fewer than {blocks} blocks of ours were accepted within the time"),
        )),
        (Outcome::Failed(reason), _) => Err(Failure::new(
            Exit::Chain,
            format_args!(
                "there is nothing to mine on: {reason}. `spacetime-miner check` looks at every part"
            ),
        )),
        (Outcome::Misconfigured(reason), _) => Err(Failure::new(Exit::Plugin, reason)),
        _ => Ok(()),
    }
}

fn system(error: &io::Error) -> Failure {
    Failure::new(Exit::Internal, format_args!("the system does not let the miner start: {error}"))
}

/// Leaves out of the manifest what may be in the way of mining.
fn be_safe(manifest: &mut Manifest, output: &Output) -> Result<(), Failure> {
    let named = manifest.transports.len();
    plugin::keep_what_is_safe(manifest);
    let kept: Vec<String> =
        manifest.transports.iter().map(|transport| format!("`{}`", transport.name)).collect();
    if kept.is_empty() && named > 0 {
        let message = "in safe mode only transports that came with the miner are used, and the \
                       manifest names none of them: choose one, such as --set 'transports=[(name: \
                       \"solo\")]', or leave --safe-mode away";
        return Err(Failure::new(Exit::Plugin, message));
    }
    let kept = kept.join(", ");
    output.note(format_args!(
        "safe mode: of all plugins only transport {kept} is used; leaves are scanned in order by \
         the miner's own kernels, and blocks are empty"
    ));
    Ok(())
}

fn load_plugins(
    args: &Args,
    manifest: &Manifest,
    inbox: &Inbox,
    output: &Output,
) -> Result<Registry, Failure> {
    let registry = Registry::load(manifest, inbox.observer());
    registry.warnings().iter().for_each(|sentence| output.warn(sentence));
    let problems = registry.problems();
    let fatal = problems.iter().find(|problem| problem.is_fatal());
    // They are in the order in which one follows from another.
    if let Some(last) = fatal.or_else(|| problems.last().filter(|_| args.strict)) {
        for other in problems.iter().filter(|problem| *problem != last) {
            output.error(complete(other));
        }
        let strict =
            if last.is_fatal() { "" } else { "; with --strict nothing is mined until then" };
        return Err(Failure::new(Exit::Plugin, format_args!("{}{strict}", complete(last))));
    }
    if manifest.transports.is_empty() {
        let message = format!(
            "{}: `transports` is missing or empty, so no challenge would ever come: name one of \
             those that `spacetime-miner plugin list` shows",
            manifest.name()
        );
        return Err(Failure::new(Exit::Manifest, message));
    }
    if registry.transports().is_empty() {
        let message = "none of the manifest's transports can be loaded, so no challenge would ever \
                       come";
        problems.iter().for_each(|problem| output.error(problem));
        return Err(Failure::new(Exit::Plugin, message));
    }
    Ok(registry)
}

/// A problem with its culprit, where it does not name that itself.
fn complete(problem: &RegistryProblem) -> String {
    match problem.culprit() {
        "plugins" => problem.to_string(),
        culprit if problem.message().contains(culprit) => problem.to_string(),
        culprit => format!("{culprit}: {problem}"),
    }
}

fn open_plots(manifest: &Manifest) -> Result<(PlotSet, Vec<PlotProblem>), Failure> {
    for folder in &manifest.plot_directories {
        make_folder(folder, manifest)?;
    }
    if let Some(folder) = manifest.plot_metadata_path.parent() {
        make_folder(folder, manifest)?;
    }
    PlotSet::open(&manifest.plot_directories, &manifest.plot_metadata_path)
        .map_err(|error| Failure::new(Exit::Plot, error))
}

/// Makes a folder that is missing, where the manifest lets `run` make things
/// and this is the first run: later, a drive may only be unmounted.
fn make_folder(folder: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let is_first = !manifest.plot_metadata_path.exists();
    if folder.exists() || manifest.first_run.is_none() || !is_first {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::new(
            Exit::Plot,
            format_args!("cannot make the folder {}: {error}", folder.display()),
        )
    })
}

fn scanner(manifest: &Manifest, key: &SecretKey, registry: &Registry) -> Result<Scanner, Failure> {
    let hasher = Hasher::new(kernels::in_use(), registry.engine());
    let planner = Planner::new(registry.strategies());
    let supply = Supply::new(manifest.leaf_source, Some(key.plot_key()));
    let per_drive = manifest.max_concurrent_proofs;
    let scanner = Scanner::supplied(planner, hasher, per_drive, None, supply)
        .map_err(|error| system(&error))?;
    scanner.set_io(manifest.io);
    Ok(scanner)
}

fn config(
    args: &Args,
    manifest: &Manifest,
    key: &SecretKey,
    registry: &Registry,
    started: SystemTime,
) -> Config {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    Config {
        network: Arc::new(manifest.network.clone()),
        identity: key.identity(),
        proof_timeout_ms: millis(manifest.proof_timeout),
        monitoring: manifest.performance_monitoring,
        until_blocks: args.until_blocks,
        until_ms: args.duration.map(|duration| millis(since.saturating_add(duration))),
        transports: registry.transports().iter().map(|slot| slot.name().to_owned()).collect(),
        shadows: registry.shadows().into_iter().map(|slot| slot.name).collect(),
    }
}

/// What the record says of this run.
fn this_run(manifest: &Manifest, registry: &Registry, scanner: &Scanner) -> Run {
    Run {
        record: record::FORMAT,
        run: Uuid::new_v4().to_string(),
        miner: env!("CARGO_PKG_VERSION").to_owned(),
        network: manifest.network.id.clone(),
        strategy: registry.strategy_id(),
        workers: scanner.workers(),
        readers: scanner.per_drive().get(),
    }
}

fn set_verbosity(output: &Output) -> Box<dyn Fn(bool) + Send> {
    let output = output.clone();
    Box::new(move |more| match log::change(more) {
        Some(level) => output.note(format_args!("the log's level is {level} now")),
        None => output.warn("the log's level cannot be changed"),
    })
}

fn what_runs(manifest: &Manifest, key: &SecretKey, plots: &Live, registry: &Registry) -> Started {
    let plots = plots.plots();
    Started {
        version: env!("CARGO_PKG_VERSION"),
        network: manifest.network.id.clone(),
        identity: key.identity(),
        plots: plots.len() as u64,
        leaves: plots.iter().map(|plot| plot.leaf_count()).sum(),
        bytes: plots.iter().map(|plot| plot.size_bytes()).sum(),
        strategy: registry.strategy_name().map(str::to_owned),
        engine: registry.engine_name().map(str::to_owned),
        kernels: kernels::in_use().name(),
        policy: registry.policy_name().map(str::to_owned),
        transports: registry.transports().iter().map(|slot| slot.name().to_owned()).collect(),
        safe_mode: false,
    }
}

/// The live plot set, as the engine wants it.
struct Live {
    set: PlotSet,
    /// Problems of plots that were found before there was an event stream.
    first: Vec<PlotProblem>,
    /// The same of plugins.
    faults: Vec<Fault>,
}

impl Live {
    /// Looks at the folders again, for there is a plot now.
    fn look_again(&mut self) {
        self.first = self.set.rescan();
    }
}

impl PlotSource for Live {
    fn plots(&self) -> Arc<[Arc<PlotFile>]> {
        self.set.plots()
    }

    fn first_faults(&mut self) -> Vec<Fault> {
        let plots = std::mem::take(&mut self.first).into_iter().map(plot_fault);
        std::mem::take(&mut self.faults).into_iter().chain(plots).collect()
    }

    fn rescan(&mut self) -> Vec<Fault> {
        self.set.rescan().into_iter().map(plot_fault).collect()
    }
}

/// Says that there is nothing to mine with, if no problem of a plot said why.
fn no_plots(manifest: &Manifest, live: &Live) -> Option<Fault> {
    if !live.plots().is_empty() || !live.first.is_empty() {
        return None;
    }
    let folders = manifest.plot_directories.iter().map(|folder| folder.display().to_string());
    let folders = folders.collect::<Vec<_>>().join(", ");
    let next = "make one with `spacetime-miner plot create`; it is looked for every 10 s";
    Some(Fault::new(folders, "there is no plot, so nothing can be won", next))
}

fn plot_fault(problem: PlotProblem) -> Fault {
    let next = "the other plots are mined with; it is looked at again every 10 s";
    Fault::new(problem.path.display().to_string(), problem.reason, next)
}

fn plugin_fault(problem: &RegistryProblem) -> Fault {
    let fault = Fault::new(problem.culprit(), problem, problem.next());
    Fault { detail: problem.detail().to_owned(), ..fault }
}
