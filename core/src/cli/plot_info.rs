//! `plot info`: what a plot's header says.

use std::path::PathBuf;

use super::{Failure, Output, plot_common::PlotDocument};
use crate::plots::PlotFile;

/// Arguments of `plot info`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plot file
    #[arg(value_name = "FILE")]
    plot: PathBuf,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let plot = PlotFile::open(&args.plot)?;
    let document = PlotDocument::of(args.plot.clone(), plot.header(), plot.size_bytes());
    output.result(&document, &document)
}
