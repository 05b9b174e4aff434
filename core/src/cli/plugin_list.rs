//! `plugin list`: every component that is found, without running any of it.

use std::{fmt::Write, path::PathBuf};

use serde::Serialize;
use spacetime_sdk_loader::{Kind, PluginFile, PublicKey, Refusal};

use super::{Failure, Output, Style, manifest::ManifestArgs};
use crate::plugin::{self, Found, Quarantine, trust::Permission};

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
    /// Why it may be loaded: `miner`, `pinned`, `locked`, `signed` or `any`.
    trust: Option<&'static str>,
    /// Who signed it, where that is why.
    signer: Option<PublicKey>,
    /// The same in words.
    #[serde(skip)]
    because: String,
    /// Why it cannot or may not be loaded; null if it may.
    error: Option<String>,
    /// What it did to the miner, and whether it is used all the same; null:
    /// nothing.
    quarantine: Option<String>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load_if_there()?;
    let (folders, gate) = args.manifest.places(manifest.as_ref());
    let mut found = plugin::inventory(manifest.as_ref(), &folders, &gate);
    if args.load {
        found.iter_mut().for_each(|found| plugin::try_load(found, &gate));
    }
    let quarantine = match &manifest {
        Some(manifest) => {
            let (quarantine, read) = plugin::quarantine(&manifest.data_directory);
            read?;
            Some(quarantine)
        }
        None => None,
    };
    let rows: Vec<Row<'_>> =
        found.iter().flat_map(|found| rows(found, quarantine.as_ref())).collect();
    output.result(&rows, text(&rows, &folders, output))
}

fn rows<'a>(found: &'a Found, quarantine: Option<&Quarantine>) -> Vec<Row<'a>> {
    let quarantine = quarantine.filter(|quarantine| !quarantine.entries().is_empty());
    let file = quarantine.and_then(|_| PluginFile::read(&found.path).ok());
    let hash = file.map(|file| file.sha256());
    let quarantined = |kind, name: Option<&str>| {
        let entry = quarantine?.on(kind, name.unwrap_or_default(), hash?)?;
        Some(format!("it {entry}"))
    };
    let descriptor = found.descriptor.as_ref();
    let error = found.refusal.as_ref().map(Refusal::to_string);
    let permission = found.permission.as_ref().filter(|_| error.is_none());
    let signer = match permission {
        Some(Permission::Signed { key, .. }) => Some(*key),
        _ => None,
    };
    let row = |kind, name: Option<&'a str>, about| Row {
        kind,
        name,
        about,
        plugin: descriptor.map(|descriptor| descriptor.plugin.as_str()),
        version: descriptor.map(|descriptor| descriptor.version.as_str()),
        sdk_version: descriptor.map(|descriptor| descriptor.sdk.as_str()),
        abi_version: descriptor.map(|descriptor| descriptor.abi.as_str()),
        path: &found.path,
        listed: found.entry.is_some(),
        trust: permission.map(Permission::rule),
        signer,
        because: permission.map(Permission::to_string).unwrap_or_default(),
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
        if !row.because.is_empty() {
            let _ = writeln!(text, "           {}", output.paint(Style::Dim, &row.because));
        }
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
