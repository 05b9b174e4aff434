//! `plugin list`: every component that is found, without running any of it.

use std::{fmt::Write, path::PathBuf};

use serde::Serialize;
use spacetime_sdk_loader::{Kind, Refusal, file_hash};

use super::{Failure, Output, Style, manifest::ManifestArgs};
use crate::plugin::{self, Found, Quarantine};

/// Arguments of `plugin list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Also load each plugin, which runs its code, to see what only shows then
    #[arg(long)]
    load: bool,
}

/// A component, or a file without any.
#[derive(Debug, Serialize)]
struct Row<'a> {
    kind: Option<Kind>,
    name: Option<&'a str>,
    about: &'a str,
    plugin: Option<&'a str>,
    version: Option<&'a str>,
    sdk_version: Option<&'a str>,
    abi_version: Option<&'a str>,
    path: &'a PathBuf,
    /// Whether the manifest lists the plugin.
    listed: bool,
    /// Why it cannot be loaded; null if it can.
    error: Option<String>,
    /// What it did to the miner, and whether it is used all the same; null:
    /// nothing.
    quarantine: Option<String>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load_if_there()?;
    let folders = match &manifest {
        Some(manifest) => plugin::folders(&[], &manifest.plugin_directories),
        None => plugin::folders(args.manifest.plugin_directories(), &[]),
    };
    let mut found = plugin::inventory(manifest.as_ref(), &folders);
    if args.load {
        found.iter_mut().for_each(plugin::try_load);
    }
    let quarantine = match &manifest {
        Some(manifest) => Some(Quarantine::read(&manifest.data_directory)?),
        None => None,
    };
    let rows: Vec<Row<'_>> =
        found.iter().flat_map(|found| rows(found, quarantine.as_ref())).collect();
    output.result(&rows, text(&rows, &folders, output))
}

fn rows<'a>(found: &'a Found, quarantine: Option<&Quarantine>) -> Vec<Row<'a>> {
    let quarantine = quarantine.filter(|quarantine| !quarantine.entries().is_empty());
    let hash = quarantine.and_then(|_| file_hash(&found.path).ok());
    let quarantined = |kind, name: Option<&str>| {
        let entry = quarantine?.on(kind, name.unwrap_or_default(), hash.as_deref()?)?;
        Some(format!("it {entry}"))
    };
    let descriptor = found.descriptor.as_ref();
    let error = found.refusal.as_ref().map(Refusal::to_string);
    let row = |kind, name: Option<&'a str>, about| Row {
        kind,
        name,
        about,
        plugin: descriptor.map(|descriptor| descriptor.plugin.as_str()),
        version: descriptor.map(|descriptor| descriptor.version.as_str()),
        sdk_version: descriptor.map(|descriptor| descriptor.sdk.as_str()),
        abi_version: descriptor.map(|descriptor| descriptor.abi.as_str()),
        path: &found.path,
        listed: found.listed,
        error: error.clone(),
        quarantine: quarantined(kind, name),
    };
    match found.components() {
        [] => vec![row(None, None, "")],
        components => components
            .iter()
            .map(|component| row(Some(component.kind), Some(&component.name), &component.about))
            .collect(),
    }
}

fn text(rows: &[Row<'_>], folders: &[PathBuf], output: &Output) -> String {
    let mut text = String::new();
    for row in rows {
        let kind = row.kind.map_or("-".to_owned(), |kind| kind.to_string());
        let (name, version) = (row.name.unwrap_or("-"), row.version.unwrap_or("-"));
        let sdk = row.sdk_version.unwrap_or("-");
        let path = output.paint(Style::Dim, row.path.display());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{kind:<10} {name:<16} {version:<8} SDK {sdk:<8} {path}");
        if let Some(error) = &row.error {
            let _ = writeln!(text, "           {}", output.paint(Style::Bad, error));
        }
        if let Some(quarantine) = &row.quarantine {
            let _ = writeln!(text, "           {}", output.paint(Style::Warn, quarantine));
        }
    }
    if rows.is_empty() {
        text.push_str("no plugins found\n");
    }
    text + &format!("looked in {}", plugin::list_folders(folders))
}
