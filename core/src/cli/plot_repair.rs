//! `plot repair`: makes what is damaged of a plot again, in place.

use std::{cell::Cell, path::PathBuf, time::Instant};

use serde::Serialize;
use spacetime_protocol::PlotSeed;

use super::{
    Exit, Failure, Output, Style,
    manifest::ManifestArgs,
    plot_common::{Clock, KeyArgs, Pace},
    plot_verify::{place, reason},
};
use crate::{
    observe::{count, size},
    plots::{
        CacheOutcome, HeaderState, PlotRecord, Region, RepairError, RepairSpec, RepairStage,
        Repaired, repair,
    },
};

/// Regions that are listed one by one for a human; JSON has all.
const LISTED: usize = 20;

/// Arguments of `plot repair`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plot file
    #[arg(value_name = "FILE")]
    plot: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// Its seed, 64 hex digits, where the header is damaged too [default: the header's]
    #[arg(long, value_name = "HEX")]
    seed: Option<PlotSeed>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Go on where none of the leaves looked at is right; the root tells in the end whether the
    /// key is the plot's
    #[arg(long)]
    all_lost: bool,
    #[command(flatten)]
    manifest: ManifestArgs,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    path: &'a PathBuf,
    dry_run: bool,
    #[serde(flatten)]
    repaired: &'a Repaired,
    seconds: f64,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let spec = RepairSpec {
        plot: args.plot.clone(),
        key: args.key.or_manifest(&args.manifest)?,
        seed: args.seed,
        record: record(args, output)?,
        dry_run: args.dry_run,
        all_lost: args.all_lost,
    };
    let begin = Instant::now();
    let pace = Pace::new(output);
    let last = Cell::new(None);
    let repaired = repair(&spec, &|stage, done, total| {
        if last.replace(Some(stage)) != Some(stage) {
            pace.start_over();
        }
        pace.show(verb(stage), done, total);
        true
    });
    output.progress("");
    let repaired = repaired.map_err(explain)?;
    if repaired.excess_bytes > 0 {
        output.warn(format_args!(
            "{} is {} longer than its plot: they belong to nothing, and were left alone",
            args.plot.display(),
            count(repaired.excess_bytes, "byte")
        ));
    }
    let seconds = begin.elapsed().as_secs_f64();
    let document =
        Document { path: &args.plot, dry_run: args.dry_run, repaired: &repaired, seconds };
    output.result(&document, text(args, &repaired, begin, output))?;
    fault(args, &repaired).map_or(Ok(()), |message| Err(Failure::new(Exit::Plot, message)))
}

/// What the manifest's metadata file remembers of the plot. A manifest that was
/// not named may be another miner's.
fn record(args: &Args, output: &Output) -> Result<Option<PlotRecord>, Failure> {
    let Some(manifest) = args.manifest.load_if_there()? else { return Ok(None) };
    match PlotRecord::of(&args.plot, &manifest.plot_metadata_path) {
        Ok(record) => Ok(record),
        Err(error) => {
            output.warn(format_args!("{error}: going on without what it remembers"));
            Ok(None)
        }
    }
}

fn verb(stage: RepairStage) -> &'static str {
    match stage {
        RepairStage::Examining => "examined ",
        RepairStage::Writing => "written ",
        RepairStage::Checking => "read again ",
    }
}

fn explain(error: RepairError) -> Failure {
    let exit = match &error {
        RepairError::NoRoom { .. } => Exit::NoSpace,
        _ => Exit::Plot,
    };
    Failure::new(exit, error)
}

/// What is still wrong, in a sentence; `None`: nothing.
fn fault(args: &Args, repaired: &Repaired) -> Option<String> {
    let path = args.plot.display();
    let cache = match &repaired.cache {
        CacheOutcome::Stale { path, reason, unwritten } => Some((path, reason, unwritten)),
        _ => None,
    };
    match (repaired.whole, args.dry_run, cache) {
        (false, true, _) => Some(format!(
            "{path} is damaged, and can be repaired: run the same command without --dry-run"
        )),
        (false, false, _) => {
            let first = repaired.left.first();
            let what = first.map_or_else(|| "its header".to_owned(), place);
            let why = first.map(reason).unwrap_or_default();
            Some(format!(
                "{path} is still damaged, in {what}{why}: its disk does not keep what is written \
                 there; the rest of the plot can be mined with, or make another one elsewhere"
            ))
        }
        (true, false, Some((cache, reason, Some(why)))) => Some(format!(
            "{path} is whole, but its cache {} ({reason}) cannot be made anew: {why}; without it, \
             proofs read the whole plot",
            cache.display()
        )),
        // Without a cache, a plot is as good as before.
        (true, true, Some((cache, reason, _))) if cache.exists() => Some(format!(
            "{path} is whole, but its cache {} is of no use: {reason}; run the same command \
             without --dry-run",
            cache.display()
        )),
        _ => None,
    }
}

fn text(args: &Args, repaired: &Repaired, begin: Instant, output: &Output) -> String {
    let was_whole = repaired.damaged_leaves == 0 && repaired.header == HeaderState::Whole;
    let verdict = match (repaired.whole, was_whole, args.dry_run) {
        (true, true, _) => output.paint(Style::Good, "the plot is whole"),
        (true, ..) => output.paint(Style::Good, "the plot was damaged, and is whole again"),
        (false, _, true) => output.paint(Style::Bad, "the plot is damaged; nothing was written"),
        (false, ..) => output.paint(Style::Bad, "the plot is still damaged"),
    };
    let mut lines = vec![verdict, format!("root      {}", repaired.root)];
    lines.push(match &repaired.header {
        HeaderState::Whole => "header    whole".to_owned(),
        HeaderState::Restored { reason } => format!("header    written anew ({reason})"),
        HeaderState::Damaged { reason } => format!("header    damaged ({reason})"),
    });
    let leaves = count(repaired.leaves, "leaf");
    lines.push(format!("damaged   {} of {leaves}", repaired.damaged_leaves));
    if repaired.missing_bytes > 0 {
        lines.push(format!("missing   {} at the end", size(repaired.missing_bytes)));
    }
    lines.extend(listed("damaged", &repaired.damaged));
    lines.push(format!("written   {}", size(repaired.written_bytes)));
    if !args.dry_run {
        lines.extend(listed("left", &repaired.left));
    }
    lines.push(match &repaired.cache {
        CacheOutcome::None => "cache     none: the plot is too small for one".to_owned(),
        CacheOutcome::Valid { path } => format!("cache     valid ({})", path.display()),
        CacheOutcome::Rebuilt { path, reason } => {
            format!("cache     made anew ({}): {reason}", path.display())
        }
        CacheOutcome::Stale { path, reason, .. } => {
            format!("cache     of no use ({}): {reason}", path.display())
        }
    });
    lines.push(format!("took      {}", Clock(begin.elapsed())));
    lines.join("\n")
}

fn listed(name: &str, regions: &[Region]) -> Vec<String> {
    let listed = regions.iter().take(LISTED);
    let mut lines: Vec<String> =
        listed.map(|region| format!("{name:<10}{}{}", place(region), reason(region))).collect();
    if let Some(more @ 1..) = regions.len().checked_sub(LISTED) {
        lines.push(format!("{name:<10}{}", count(more as u64, "more region")));
    }
    lines
}
