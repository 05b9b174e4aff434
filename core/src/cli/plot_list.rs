//! `plot list`: every plot that is found, and why one cannot be used.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;
use spacetime_protocol::NodeHash;

use super::{Exit, Failure, Output, Style, manifest::ManifestArgs};
use crate::{
    observe::{count, size},
    plots::{CacheState, LeafSource, PlotProblem, PlotSet, plots_in},
};

/// Arguments of `plot list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folders to look in [default: those of the manifest, and its metadata file]
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    manifest: ManifestArgs,
}

#[derive(Debug, Serialize)]
struct Document {
    plots: Vec<Row>,
    usable: usize,
    total_bytes: u64,
    total_leaves: u64,
}

#[derive(Debug, Serialize)]
struct Row {
    path: PathBuf,
    /// `valid` or `unusable`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<NodeHash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<CacheState>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let (set, problems) = find(args)?;
    let mut document = Document { plots: Vec::new(), usable: 0, total_bytes: 0, total_leaves: 0 };
    for plot in set.plots().iter() {
        document.usable += 1;
        document.total_bytes = document.total_bytes.saturating_add(plot.size_bytes());
        document.total_leaves = document.total_leaves.saturating_add(plot.leaf_count());
        document.plots.push(Row {
            path: plot.path().to_owned(),
            status: "valid",
            reason: None,
            leaves: Some(plot.leaf_count()),
            size_bytes: Some(plot.size_bytes()),
            root: Some(plot.header().root),
            cache: Some(plot.cache_state()),
        });
    }
    document.plots.extend(problems.into_iter().map(Row::of));
    output.result(&document, text(&document, output))
}

/// The plots of the folders, or of the manifest; nothing is written.
fn find(args: &Args) -> Result<(PlotSet, Vec<PlotProblem>), Failure> {
    let found = if args.folders.is_empty() {
        let manifest = args.manifest.load()?;
        PlotSet::inspect(&manifest.plot_directories, &manifest.plot_metadata_path)
    } else {
        for folder in &args.folders {
            plots_in(folder).map_err(|error| unreadable(folder, &error))?;
        }
        Ok(PlotSet::of_folders(&args.folders))
    };
    found.map_err(|error| Failure::new(Exit::Plot, error))
}

fn unreadable(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Plot, format_args!("cannot look for plots in {}: {error}", folder.display()))
}

impl Row {
    fn of(problem: PlotProblem) -> Self {
        Self {
            path: problem.path,
            status: "unusable",
            reason: Some(problem.reason),
            leaves: None,
            size_bytes: None,
            root: None,
            cache: None,
        }
    }
}

fn text(document: &Document, output: &Output) -> String {
    let mut text = String::new();
    for row in &document.plots {
        let path = row.path.display();
        // Writing into a string cannot fail.
        let _ = match (&row.reason, row.size_bytes) {
            (None, Some(bytes)) => {
                let status = output.paint(Style::Good, "valid   ");
                let root = row.root.map_or_else(String::new, |root| root.to_string());
                let size = size(bytes);
                writeln!(text, "{status}  {size:>11}  {}  {path}  {}", &root[..16], cache(row))
            }
            (reason, _) => {
                let status = output.paint(Style::Bad, "unusable");
                writeln!(text, "{status}  {}", reason.as_deref().unwrap_or_default())
            }
        };
    }
    let unusable = document.plots.len() - document.usable;
    let total = size(document.total_bytes);
    let plots = count(document.usable as u64, "plot");
    let _ = write!(text, "{plots}, {total}; {unusable} unusable");
    text
}

fn cache(row: &Row) -> String {
    match &row.cache {
        None | Some(CacheState::Absent) => "no cache".to_owned(),
        Some(CacheState::Fits { .. }) => "with cache".to_owned(),
        Some(CacheState::Stale { reason }) => format!("stale cache: {reason}"),
    }
}
