//! `prove`: the best leaf of some plots for one challenge, with its proof.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use serde::Serialize;
use spacetime_protocol::{Challenge, Leaf, NodeHash, Score};
use spacetime_sdk_loader::Fault;

use super::{Exit, Failure, Output, manifest::ManifestArgs};
use crate::{
    kernels,
    manifest::ConfigText,
    observe::count,
    plots::PlotFile,
    plugin::{Fate, FaultObserver, FindError, Shelf, find_strategies},
    proof,
    scan::{
        BuiltIn, Found, Hasher, LeafSource, Outcome, Planner, ScanSpec, Scanner, StrategySource,
        scan_once,
    },
};

/// Arguments of `prove`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plot files, as many as you like
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    plot: Vec<PathBuf>,
    /// The challenge: 64 hex digits
    #[arg(long, value_name = "HEX")]
    challenge: Challenge,
    /// The strategy that plans the scan [default: all leaves, in order]
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// The strategy's config, such as '(sample_size: 10000)'
    #[arg(long, value_name = "RON", requires = "strategy", default_value = "()")]
    strategy_config: String,
    #[command(flatten)]
    manifest: ManifestArgs,
}

/// What it prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    plot: &'a str,
    leaf_index: u64,
    leaf: Leaf,
    score: Score,
    siblings: &'a [NodeHash],
    orientation: &'a [bool],
    root: NodeHash,
    scanned: u64,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let plots: Vec<Arc<PlotFile>> = args
        .plot
        .iter()
        .map(|path| PlotFile::open(path).map(Arc::new))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::new(Exit::Plot, error))?;
    let scanner = scanner(strategies(args)?)?;
    let sources = plots.iter().map(|plot| plot.clone() as Arc<dyn LeafSource>).collect();
    let outcome = scan_once(&scanner, ScanSpec::lone(0, args.challenge), sources);
    let found = checked(&outcome, &plots)?;
    print(&plots[found.plot], found, outcome.coverage.scanned, output)
}

fn strategies(args: &Args) -> Result<Arc<dyn StrategySource>, Failure> {
    let Some(name) = &args.strategy else { return Ok(Arc::new(BuiltIn)) };
    let config = ConfigText::given(&args.strategy_config, "--strategy-config");
    let manifest = args.manifest.load_if_there()?;
    let (folders, gate) = args.manifest.places(manifest.as_ref());
    let shelf = Shelf { manifest: manifest.as_ref(), folders: &folders, gate: &gate };
    let found = find_strategies(name, name, config, shelf, Arc::new(Silent));
    found.map(|(strategies, _)| strategies).map_err(|error| {
        let exit = match error {
            FindError::Unknown(_) => Exit::NotFound,
            FindError::Refused(_) => Exit::Plugin,
        };
        Failure::new(exit, error)
    })
}

fn scanner(strategies: Arc<dyn StrategySource>) -> Result<Scanner, Failure> {
    let hasher = Hasher::new(kernels::in_use(), None);
    Scanner::new(Planner::new(strategies), hasher, NonZeroUsize::MIN, None).map_err(|error| {
        Failure::new(Exit::Internal, format_args!("cannot start scanning: {error}"))
    })
}

/// The best leaf, if the whole scan went as asked for: what a fallback found
/// is no answer here.
fn checked<'a>(outcome: &'a Outcome, plots: &[Arc<PlotFile>]) -> Result<&'a Found, Failure> {
    if let Some((plot, error)) = outcome.failed_plots.first() {
        let path = plots[*plot].path().display();
        return Err(Failure::new(Exit::Plot, format_args!("cannot scan {path}: {error}")));
    }
    if let Some((_, fault)) = outcome.faults.first() {
        return Err(Failure::new(Exit::Plugin, format_args!("the strategy failed: {fault}")));
    }
    outcome.best.as_ref().ok_or_else(|| {
        Failure::new(Exit::NotFound, "the strategy planned no leaf of any plot, so none was found")
    })
}

fn print(plot: &PlotFile, found: &Found, scanned: u64, output: &Output) -> Result<(), Failure> {
    let proof = proof::prove(plot, found.leaf_index, &found.leaf)
        .map_err(|error| Failure::new(Exit::Plot, error))?;
    let path = plot.path().display().to_string();
    let document = Document {
        plot: &path,
        leaf_index: found.leaf_index,
        leaf: found.leaf,
        score: found.score,
        siblings: &proof.path.siblings,
        orientation: &proof.path.sibling_is_right,
        root: plot.header().root,
        scanned,
    };
    let text = format!(
        "plot     {path}\nleaf     {} of {}\nvalue    {}\nscore    {}\nroot     {}\n\
         siblings {}\nscanned  {}",
        found.leaf_index,
        plot.header().leaf_count,
        found.leaf,
        found.score,
        document.root,
        document.siblings.len(),
        count(scanned, "leaf"),
    );
    output.result(&document, text)
}

/// The scan's outcome holds the faults already.
struct Silent;

impl FaultObserver for Silent {
    fn fault(&self, _: &str, _: &Fault, _: &Fate) {}
}
