//! `bench`: how fast this machine is at what a miner does, and what limits it.

use std::{
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use serde::Serialize;
use spacetime_protocol::Leaf;
use spacetime_sdk_loader::Fault;

use super::{
    Exit, Failure, Output, Style,
    manifest::ManifestArgs,
    plot_common::{Ticker, percent},
    seconds,
};
use crate::{
    bench::{
        Bench, BenchError, Part, Row, Scratch, Unit, Watch, boundary, drive, make_plot, plot,
        prove, scan,
    },
    kernels,
    manifest::{Manifest, parse_size},
    observe::size,
    plots::{CreateEvent, CreateWatch},
    plugin::{Fate, FaultObserver, Registry},
    signals::Signals,
};

/// How long a scan may take where no manifest says so, seconds.
const WINDOW: Duration = Duration::from_secs(60);

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is measured [default: scan plot prove drive, and boundary where the manifest names
    /// plugins]
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// The folder for the files that are made and taken away again; `drive` measures its drive
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Measure `scan`, `prove` and `drive` with this plot instead of one that is made
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// The size of the files that are made
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_size)]
    size: u64,
    /// What each line of the table may take; three rounds are measured in any case
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    time: Duration,
    /// Hashing threads of what uses several [default: one per core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// How long a scan may take [default: the manifest's proof_generation_timeout_seconds, or 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    window: Option<Duration>,
    #[command(flatten)]
    manifest: ManifestArgs,
}

/// What it prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: &'static str,
    kernels: &'static str,
    cores: usize,
    workers: usize,
    rows: &'a [Row],
    limit: Option<Limit>,
}

/// What this machine can scan.
#[derive(Clone, Copy, Debug, Serialize)]
struct Limit {
    /// What cannot go faster.
    by: By,
    /// What the processor scores, all workers together, in bytes a second.
    processor: f64,
    /// What the drive delivers, in bytes a second.
    drive: f64,
    window_seconds: f64,
    /// What can be scanned in a window, in bytes.
    capacity: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum By {
    Processor,
    Drive,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load_if_there()?;
    let parts = parts(args, manifest.as_ref())?;
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let workers = args.workers.map_or(cores, NonZeroUsize::get);
    let progress = Progress(Ticker::new(output));
    let bench = Bench { time: args.time, workers, watch: &progress };
    let measured = measure(args, manifest.as_ref(), &parts, bench, &progress);
    output.progress("");
    let rows = measured?;
    let window = args.window.or(manifest.map(|manifest| manifest.proof_timeout)).unwrap_or(WINDOW);
    let limit = limit(&rows, window);
    let document = Document {
        version: env!("CARGO_PKG_VERSION"),
        kernels: kernels::in_use().name(),
        cores,
        workers,
        rows: &rows,
        limit,
    };
    output.result(&document, text(&document, output))
}

/// What was asked for, in the order in which it is measured.
fn parts(args: &Args, manifest: Option<&Manifest>) -> Result<Vec<Part>, Failure> {
    let has_plugins = manifest.is_some_and(|manifest| {
        manifest.strategy.is_some() || manifest.engine.is_some() || manifest.policy.is_some()
    });
    let all = [Part::Scan, Part::Plot, Part::Prove, Part::Drive, Part::Boundary];
    if args.parts.contains(&Part::Boundary) && !has_plugins {
        let message = "there is no plugin to call: `bench boundary` measures the strategy, engine \
                       and policy of a manifest (--manifest FILE), and none is named";
        return Err(Failure::new(Exit::NotFound, message));
    }
    let is_wanted = |part: &Part| match args.parts.is_empty() {
        true => *part != Part::Boundary || has_plugins,
        false => args.parts.contains(part),
    };
    Ok(all.into_iter().filter(is_wanted).collect())
}

fn measure(
    args: &Args,
    manifest: Option<&Manifest>,
    parts: &[Part],
    bench: Bench<'_>,
    progress: &Progress<'_>,
) -> Result<Vec<Row>, Failure> {
    let scratch = Scratch::within(&args.dir)?;
    remove_when_interrupted(scratch.path()).map_err(|error| {
        Failure::new(Exit::Internal, format_args!("cannot wait for signals: {error}"))
    })?;
    let needs_plot =
        parts.iter().any(|part| matches!(part, Part::Scan | Part::Prove | Part::Drive));
    let measured = match &args.plot {
        Some(plot) => plot.clone(),
        None if needs_plot => make_plot(&scratch, args.size, progress)?,
        None => PathBuf::new(),
    };
    let mut rows = Vec::new();
    for part in parts {
        rows.extend(match part {
            Part::Scan => scan(bench, &measured)?,
            Part::Plot => plot(bench, &scratch, args.size)?,
            Part::Prove => prove(bench, &scratch, &measured)?,
            Part::Drive => drive(bench, &measured)?,
            Part::Boundary => crossing(bench, manifest)?,
        });
    }
    Ok(rows)
}

/// Calls into the plugins of a manifest; its transports are left alone.
fn crossing(bench: Bench<'_>, manifest: Option<&Manifest>) -> Result<Vec<Row>, Failure> {
    let Some(manifest) = manifest else { return Ok(Vec::new()) };
    let mut manifest = manifest.clone();
    (manifest.transports, manifest.shadows) = (Vec::new(), Vec::new());
    let faults = Arc::new(Faults::default());
    let registry = Registry::load(&manifest, faults.clone());
    if let Some(problem) = registry.problems().first() {
        return Err(Failure::new(Exit::Plugin, problem));
    }
    let rows = boundary(bench, &registry)?;
    match faults.0.lock().unwrap_or_else(PoisonError::into_inner).first() {
        Some(fault) => Err(Failure::new(Exit::Plugin, fault)),
        None => Ok(rows),
    }
}

/// What plugins did wrong meanwhile.
#[derive(Default)]
struct Faults(Mutex<Vec<String>>);

impl FaultObserver for Faults {
    fn fault(&self, component: &str, fault: &Fault, _: &Fate) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push(format!("{component}: {fault}"));
    }
}

/// Large files must not stay when somebody has seen enough.
fn remove_when_interrupted(folder: &Path) -> io::Result<()> {
    let folder = folder.to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::listen()?
    };
    let wait = move || {
        runtime.block_on(signals.next());
        let _ = std::fs::remove_dir_all(&folder);
        std::process::exit(INTERRUPTED);
    };
    thread::Builder::new().name("interrupt".to_owned()).spawn(wait).map(drop)
}

/// What limits scanning, where both were measured.
fn limit(rows: &[Row], window: Duration) -> Option<Limit> {
    let processor = rows.iter().rfind(|row| row.part == Part::Scan)?.rate * Leaf::SIZE as f64;
    let drives = rows.iter().filter(|row| row.part == Part::Drive);
    let drive = drives.flat_map(|row| [row.rate, row.baseline_rate]).max_by(f64::total_cmp)?;
    let by = if drive < processor { By::Drive } else { By::Processor };
    let window_seconds = window.as_secs_f64();
    let capacity = (drive.min(processor) * window_seconds) as u64;
    Some(Limit { by, processor, drive, window_seconds, capacity })
}

fn text(document: &Document<'_>, output: &Output) -> String {
    let head = ["", "here", "baseline", "ratio"];
    let mut lines = vec![line(head)];
    for row in document.rows {
        let name = output.paint(Style::Bold, format!("{:<52}", row.name));
        let rates = [row.rate, row.baseline_rate].map(|rate| amount(row.unit, rate));
        lines.push(line([&name, &rates[0], &rates[1], &format!("{:.2}", row.ratio)]));
        let against = format!("  against {}, {} rounds", row.baseline, row.rounds);
        lines.push(output.paint(Style::Dim, against));
    }
    if let Some(limit) = &document.limit {
        lines.push(String::new());
        lines.push(said(limit));
    }
    lines.join("\n")
}

fn line([name, rate, baseline, ratio]: [&str; 4]) -> String {
    format!("{name:<52} {rate:>14} {baseline:>14} {ratio:>7}")
}

fn said(limit: &Limit) -> String {
    let per_second = |rate: f64| format!("{}/s", size(rate as u64));
    let (processor, drive) = (per_second(limit.processor), per_second(limit.drive));
    let window = limit.window_seconds;
    let capacity = size(limit.capacity);
    match limit.by {
        By::Drive => format!(
            "The drive limits this machine: it delivers {drive}, and the processor scores \
             {processor}.\nIn a window of {window} s, {capacity} of plots on this drive can be \
             scanned; more drives scan more, up to what the processor scores."
        ),
        By::Processor => format!(
            "The processor limits this machine: it scores {processor}, and this drive alone \
             delivers {drive}.\nIn a window of {window} s, {capacity} of plots can be scanned."
        ),
    }
}

/// So many a second; of what takes long, how long one takes.
fn amount(unit: Unit, rate: f64) -> String {
    let one = |nanos: f64| match nanos {
        ..1e3 => format!("{nanos:.1} ns"),
        1e3..1e6 => format!("{:.2} us", nanos / 1e3),
        _ => format!("{:.2} ms", nanos / 1e6),
    };
    match unit {
        Unit::Bytes => format!("{}/s", size(rate as u64)),
        Unit::Leaves => format!("{:.2} M/s", rate / 1e6),
        Unit::Proofs | Unit::Calls | Unit::Candidates => one(1e9 / rate.max(1e-9)),
    }
}

/// Shows what is being measured.
struct Progress<'a>(Ticker<'a>);

impl Watch for Progress<'_> {
    fn round(&self, name: &str, done: f64) {
        self.0.show(|| format!("{:>3} %  {name}", (done * 100.0) as u64));
    }
}

impl CreateWatch for Progress<'_> {
    fn event(&self, event: CreateEvent) {
        if let CreateEvent::Progress { done, total } = event {
            self.0.show(|| format!("{:>3} %  making a plot to measure with", percent(done, total)));
        }
    }
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        let exit = match &error {
            BenchError::Io { error, .. } if super::exit::is_full(error) => Exit::NoSpace,
            BenchError::Create(crate::plots::CreateError::NoRoom { .. }) => Exit::NoSpace,
            BenchError::Io { .. } | BenchError::Scanner(_) => Exit::Internal,
            BenchError::Plugin { .. } => Exit::Plugin,
            BenchError::Plot(_)
            | BenchError::Create(_)
            | BenchError::Read(_)
            | BenchError::Proof(_) => Exit::Plot,
        };
        Self::new(exit, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(part: Part, unit: Unit, rate: f64, baseline_rate: f64) -> Row {
        let (name, baseline) = ("it".to_owned(), "that".to_owned());
        Row { part, name, unit, rate, baseline, baseline_rate, ratio: 1.0, rounds: 3 }
    }

    #[test]
    fn the_slower_one_limits() {
        let scan = row(Part::Scan, Unit::Leaves, 1e6, 1e6);
        let drive = row(Part::Drive, Unit::Bytes, 16e6, 15e6);
        let window = Duration::from_secs(10);
        let found = limit(&[scan.clone(), drive.clone()], window).unwrap();
        assert_eq!((found.by, found.capacity), (By::Drive, 160_000_000));
        let fast = row(Part::Drive, Unit::Bytes, 31e6, 64e6);
        let found = limit(&[scan.clone(), fast], window).unwrap();
        assert_eq!((found.by, found.capacity), (By::Processor, 320_000_000));
        assert!(limit(&[scan], window).is_none() && limit(&[drive], window).is_none());
    }

    #[test]
    fn amounts_read_well() {
        let texts = [
            amount(Unit::Leaves, 36_500_000.0),
            amount(Unit::Bytes, 1024.0 * 1024.0),
            amount(Unit::Proofs, 500.0),
            amount(Unit::Calls, 1e6),
            amount(Unit::Candidates, 2e8),
        ];
        assert_eq!(texts, ["36.50 M/s", "1.00 MiB/s", "2.00 ms", "1.00 us", "5.0 ns"]);
    }
}
