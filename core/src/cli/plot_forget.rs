//! `plot forget`: strikes plots that are gone for good off the metadata.

use std::path::PathBuf;

use serde::Serialize;

use super::{Exit, Failure, Output, manifest::ManifestArgs};
use crate::plots::PlotSet;

/// Arguments of `plot forget`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Plots that were removed, as `plot list` shows them
    #[arg(value_name = "FILE", required = true)]
    plots: Vec<PathBuf>,
    #[command(flatten)]
    manifest: ManifestArgs,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    forgotten: &'a [PathBuf],
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    // One that is there would be found and recorded again.
    if let Some(there) = args.plots.iter().find(|plot| plot.exists()) {
        let message = format!(
            "{} is still there, and nothing was forgotten: remove it, or move it out of the plot \
             folders, first",
            there.display()
        );
        return Err(Failure::new(Exit::Plot, message));
    }
    let manifest = args.manifest.load()?;
    let unknown = PlotSet::forget(&manifest.plot_metadata_path, &args.plots)
        .map_err(|error| Failure::new(Exit::Plot, error))?;
    if let Some(unknown) = unknown.first() {
        let message = format!(
            "no plot {} is recorded in {}, and nothing was forgotten: `spacetime-miner plot list` \
             shows those that are",
            unknown.display(),
            manifest.plot_metadata_path.display()
        );
        return Err(Failure::new(Exit::NotFound, message));
    }
    let names = args.plots.iter().map(|plot| format!("forgot {}", plot.display()));
    let text = names.collect::<Vec<_>>().join("\n");
    output.result(&Document { forgotten: &args.plots }, text)
}
