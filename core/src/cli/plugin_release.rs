//! `plugin release`: lets a quarantined plugin be used again.

use serde::Serialize;

use super::{Exit, Failure, Output, manifest::ManifestArgs};
use crate::plugin::{self, Quarantine, QuarantineError, Quarantined};

/// Arguments of `plugin release`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A component, a plugin's id, or `plugin-id/component`
    name: String,
    #[command(flatten)]
    manifest: ManifestArgs,
}

/// What was released.
#[derive(Debug, Serialize)]
struct Report<'a> {
    released: Vec<&'a Quarantined>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load()?;
    let (others, released) = plugin::release(&manifest.data_directory, &args.name)?;
    if released.is_empty() {
        return Err(nothing(&args.name, &others));
    }
    let lines = released.iter().map(|entry| format!("released {}, which {entry}", entry.culprit));
    let lines: Vec<String> = lines.collect();
    let text = format!("{}\nit is used again when the miner starts next", lines.join("\n"));
    output.result(&Report { released: released.iter().collect() }, text)
}

fn nothing(name: &str, quarantine: &Quarantine) -> Failure {
    let held = quarantine.entries().iter().map(|entry| entry.culprit.to_string());
    let held: Vec<String> = held.collect();
    let others = match held.as_slice() {
        [] => "nothing is quarantined".to_owned(),
        held => format!("there are {}", held.join(", ")),
    };
    Failure::new(Exit::NotFound, format_args!("nothing named `{name}` is quarantined: {others}"))
}

impl From<QuarantineError> for Failure {
    fn from(error: QuarantineError) -> Self {
        Self::new(Exit::Plugin, error)
    }
}
