//! `strategy replay`: compares strategies over the record of challenges.

mod candidates;
mod report;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use self::{candidates::Candidates, report::Report};
use super::{Exit, Failure, Output, manifest::ManifestArgs};
use crate::{
    manifest::Manifest,
    observe::count,
    plots::PlotSet,
    record::{LoadError, Record, load},
    replay::{Challenges, Tried, reproduce, scan, simulate},
    scan::LeafSource,
};

/// Challenges that are simulated unless it is said how many: seconds' worth.
const SIMULATED: usize = 1000;

/// Those that are scanned.
const SCANNED: usize = 20;

/// Arguments of `strategy replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// The record [default: the manifest's]
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// A strategy to try, with its config, such as 'sampling=(sample_size: 10000)'; repeatable
    /// [default: the manifest's, if it is another one than the recorded]
    #[arg(long, value_name = "NAME[=RON]")]
    strategy: Vec<String>,
    /// Try the manifest's shadows, too
    #[arg(long)]
    shadow: bool,
    /// Only the last N challenges [default: 1000, with --scan 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    last: Option<u32>,
    /// Really scan the plots that are there now, each challenge for as long as there was time for
    /// it, instead of simulating
    #[arg(long)]
    scan: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load_if_there()?;
    let file = record_file(args, manifest.as_ref())?;
    let default = if args.scan { SCANNED } else { SIMULATED };
    let last = args.last.map_or(default, |last| last as usize);
    let Record { challenges, damaged, is_cut } = load(&file, last).map_err(unreadable)?;
    let recorded = challenges.len();
    let challenges = Arc::new(Challenges::of(challenges));
    if challenges.list.is_empty() {
        return Err(nothing(&file, recorded, &challenges));
    }
    let candidates = Candidates::find(args, manifest.as_ref(), &challenges)?;
    let mut report = Report::new(&file, args.scan, &challenges, &candidates);
    report.remark_damage(damaged, is_cut);
    report.reproduced = reproduce(&challenges, &candidates.list[0]);
    let tried = if args.scan {
        let manifest = manifest.as_ref().ok_or_else(|| {
            let message = "--scan needs the manifest, which says where the plots are";
            Failure::new(Exit::Usage, message)
        })?;
        scan_all(manifest, &challenges, &candidates, &mut report, output)?
    } else {
        let tell = |done, all| show(output, "simulating", done, all);
        simulate(&challenges, candidates.list, tell)
    };
    output.progress("");
    report.add(&challenges, &tried);
    output.result(&report, report.text())
}

fn record_file(args: &Args, manifest: Option<&Manifest>) -> Result<PathBuf, Failure> {
    let of_manifest = || manifest.map(|manifest| manifest.record.file.clone());
    args.record.clone().or_else(of_manifest).ok_or_else(|| {
        let message = "there is no miner.ron here: name the manifest with --manifest, or the \
                       record with --record";
        Failure::new(Exit::Usage, message)
    })
}

fn unreadable(error: LoadError) -> Failure {
    let exit = match error {
        LoadError::Missing(_) => Exit::NotFound,
        LoadError::Io { .. } | LoadError::TooNew { .. } => Exit::Internal,
    };
    Failure::new(exit, error)
}

fn nothing(file: &Path, recorded: usize, challenges: &Challenges) -> Failure {
    let why = match recorded {
        0 => "there is none in it yet: let the miner run for a while".to_owned(),
        _ => challenges.left_out.to_string(),
    };
    let message = format!(
        "the record {} has no challenge that strategies can be compared by: {why}",
        file.display()
    );
    Failure::new(Exit::NotFound, message)
}

fn scan_all(
    manifest: &Manifest,
    challenges: &Challenges,
    candidates: &Candidates,
    report: &mut Report,
    output: &Output,
) -> Result<Vec<Tried>, Failure> {
    let (set, _) = PlotSet::inspect(&manifest.plot_directories, &manifest.plot_metadata_path)
        .map_err(|error| Failure::new(Exit::Plot, error))?;
    let plots: Vec<Arc<dyn LeafSource>> =
        set.plots().iter().map(|plot| plot.clone() as Arc<dyn LeafSource>).collect();
    report.remark_missing_plots(challenges, &plots)?;
    let each = challenges.list.iter().map(|challenge| challenge.scene.open);
    let most = each.sum::<std::time::Duration>() * candidates.list.len() as u32;
    output.note(format_args!(
        "{} to be scanned, {} each: this takes {} s at the most",
        count(challenges.list.len() as u64, "challenge"),
        count(candidates.list.len() as u64, "time"),
        most.as_secs() + 1
    ));
    let tell = |done, all| show(output, "scanning", done, all);
    scan(challenges, &candidates.list, &plots, manifest.max_concurrent_proofs, tell).map_err(
        |error| Failure::new(Exit::Internal, format_args!("cannot start scanning: {error}")),
    )
}

fn show(output: &Output, what: &str, done: usize, all: usize) {
    output.progress(format_args!("{what}: {} %", 100 * done / all.max(1)));
}
