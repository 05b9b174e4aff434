//! `plugin list`: every component that is found, without running any of it.

use std::path::PathBuf;

use super::{Failure, Output};
use crate::plugin;

/// Arguments of `plugin list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look for plugins here first; may be given several times
    #[arg(long, value_name = "DIR")]
    plugin_dir: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let folders = plugin::folders(&args.plugin_dir, &[]);
    output.result(&folders, format_args!("{folders:?}"))
}
