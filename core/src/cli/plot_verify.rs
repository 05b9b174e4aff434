//! `plot verify`: reads a whole plot and its cache, and says what is wrong.

use std::{fmt::Write, path::PathBuf, time::Instant};

use serde::Serialize;
use spacetime_protocol::Leaf;

use super::{
    Exit, Failure, Output, Style,
    plot_common::{Clock, KeyArgs, Pace},
};
use crate::{
    observe::count,
    plots::{CacheVerdict, Locator, PlotFile, Region, Verdict, verify},
};

/// Regions that are listed one by one for a human; JSON has all.
const LISTED: usize = 20;

/// Arguments of `plot verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plot file
    #[arg(value_name = "FILE")]
    plot: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
}

/// What it prints: `valid` is whether plot, cache and key, as far as there
/// are any, are all right.
#[derive(Debug, Serialize)]
struct Document<'a> {
    path: &'a PathBuf,
    valid: bool,
    leaves: u64,
    #[serde(flatten)]
    verdict: &'a Verdict,
    seconds: f64,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let key = args.key.named()?;
    let plot = PlotFile::open(&args.plot)?;
    let begin = Instant::now();
    let pace = Pace::new(output);
    let verdict = verify(&plot, key.as_ref(), &|done, total| {
        let bytes = |leaves: u64| leaves.saturating_mul(Leaf::SIZE as u64);
        pace.show("", bytes(done), bytes(total));
        true
    });
    output.progress("");
    let verdict = verdict.map_err(|error| Failure::new(Exit::Plot, error))?;
    let failure = fault(args, &verdict);
    let document = Document {
        path: &args.plot,
        valid: failure.is_none(),
        leaves: plot.header().leaf_count,
        verdict: &verdict,
        seconds: begin.elapsed().as_secs_f64(),
    };
    output.result(&document, text(&verdict, begin, output))?;
    failure.map_or(Ok(()), |message| Err(Failure::new(Exit::Plot, message)))
}

/// What is wrong, in a sentence; `None`: nothing.
fn fault(args: &Args, verdict: &Verdict) -> Option<String> {
    let path = args.plot.display();
    if !verdict.intact {
        let what = match verdict.computed_root {
            Some(_) => format!("the leaves of {path} do not hash to its root"),
            None => format!("not all leaves of {path} can be read"),
        };
        let place = match &*verdict.damaged {
            [first, more @ ..] => {
                let more = match more.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!(": damaged in {}{more}{}", place(first), reason(first))
            }
            [] => ": give its key with --key to find out where it is damaged".to_owned(),
        };
        let key = match verdict.made_with_key {
            Some(false) => " (it was not made with the key that was given)",
            _ => "",
        };
        let repair = match verdict.made_with_key {
            Some(false) => "",
            _ => "; `spacetime-miner plot repair` makes them again",
        };
        return Some(format!("{what}{place}{key}{repair}"));
    }
    if let CacheVerdict::Stale { path: cache, reason } = &verdict.cache {
        let cache = cache.display();
        return Some(format!(
            "{path} is intact, but its cache {cache} is of no use: {reason}; `spacetime-miner plot repair` makes it anew; without it, proofs read the whole plot"
        ));
    }
    (verdict.made_with_key == Some(false))
        .then(|| format!("{path} is intact, but was not made with the key that was given"))
}

fn text(verdict: &Verdict, begin: Instant, output: &Output) -> String {
    let mut text = match (verdict.intact, verdict.computed_root) {
        (true, _) => output.paint(Style::Good, "the leaves hash to the root of the header"),
        (_, Some(_)) => {
            output.paint(Style::Bad, "the leaves do not hash to the root of the header")
        }
        (_, None) => output.paint(Style::Bad, "not all leaves can be read"),
    };
    // Writing into a string cannot fail.
    let _ = write!(text, "\nroot      {}", verdict.root);
    let _ = match &verdict.computed_root {
        Some(root) => write!(text, "\ncomputed  {root}"),
        None => write!(text, "\ncomputed  nothing"),
    };
    let _ = match &verdict.cache {
        CacheVerdict::Absent => write!(text, "\ncache     none"),
        CacheVerdict::Valid { path } => write!(text, "\ncache     valid ({})", path.display()),
        CacheVerdict::Stale { path, reason } => {
            write!(text, "\ncache     stale ({}): {reason}", path.display())
        }
    };
    for region in verdict.damaged.iter().take(LISTED) {
        let by = match verdict.located_by {
            Some(Locator::Cache) if region.reason.is_none() => " (somewhere in)",
            _ => "",
        };
        let _ = write!(text, "\ndamaged   {}{by}{}", place(region), reason(region));
    }
    if let Some(more @ 1..) = verdict.damaged.len().checked_sub(LISTED) {
        let _ = write!(text, "\ndamaged   {}", count(more as u64, "more region"));
    }
    let _ = write!(text, "\ntook      {}", Clock(begin.elapsed()));
    text
}

/// Where a region is, for a human.
pub(super) fn place(region: &Region) -> String {
    let (leaf, byte) = (region.first_leaf, region.first_byte);
    format!(
        "leaves {leaf} to {} (bytes {byte} to {})",
        leaf + region.leaves - 1,
        byte + region.bytes - 1
    )
}

/// Why it cannot be read, if so, as the end of a line.
pub(super) fn reason(region: &Region) -> String {
    region.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
}
