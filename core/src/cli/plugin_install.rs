//! `plugin install` and `plugin uninstall`: the user's plugin folder, and what
//! the lock file says of it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;
use spacetime_sdk_loader::{Code, FileHash, PublicKey};

use super::{Exit, Failure, Output, exit::is_full, manifest::ManifestArgs};
use crate::plugin::{
    name_of,
    trust::{InstallError, Installed, Installer},
    user_folder,
};

/// Arguments of `plugin install`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plugin files; of those for other platforms, only the hash is locked
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    manifest: ManifestArgs,
}

/// Arguments of `plugin uninstall`.
#[derive(Debug, clap::Args)]
pub(super) struct UninstallArgs {
    /// The plugin's id, as `plugin list` shows it
    #[arg(value_name = "ID")]
    plugin: String,
    #[command(flatten)]
    manifest: ManifestArgs,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    plugin: &'a str,
    version: &'a str,
    replaced: Option<&'a str>,
    target: &'a str,
    sha256: FileHash,
    signer: Option<PublicKey>,
    /// Why it may be installed.
    trust: &'static str,
    /// Where it is now; null: it is for another platform.
    path: Option<&'a Path>,
    /// The manifest's entry that loads it.
    entry: Option<String>,
}

pub(super) fn install(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load_for_files()?;
    let installer = Installer::new(&manifest, user_folder())?;
    let installed = installer.install(&args.files, args.manifest.allows_anything())?;
    for file in &installed {
        warn_of_another_signer(file, output);
    }
    let rows: Vec<Row<'_>> = installed.iter().map(row).collect();
    output.result(&rows, text(&rows))
}

fn warn_of_another_signer(file: &Installed, output: &Output) {
    let Some(before) = file.signer_before else { return };
    let now = file.signer.map_or("nobody".to_owned(), |signer| signer.to_string());
    let plugin = &file.plugin;
    output
        .warn(format_args!("{plugin} was signed by the key {before} before, and is by {now} now"));
}

fn row(file: &Installed) -> Row<'_> {
    let entry = |path: &PathBuf| format!("(path: {:?}, trust: locked)", name_of(path));
    Row {
        plugin: &file.plugin,
        version: &file.version,
        replaced: file.replaced.as_deref(),
        target: &file.target,
        sha256: file.sha256,
        signer: file.signer,
        trust: file.permission.rule(),
        path: file.path.as_deref(),
        entry: file.path.as_ref().map(entry),
    }
}

fn text(rows: &[Row<'_>]) -> String {
    let mut text = String::new();
    for row in rows {
        let Row { plugin, version, target, .. } = row;
        let instead = row.replaced.map_or(String::new(), |old| format!(" in place of {old}"));
        // Writing to a string cannot fail.
        let _ = match (row.path, &row.entry) {
            (Some(path), Some(entry)) => writeln!(
                text,
                "installed {plugin} {version}{instead}: {}\nits entry in `plugins` is {entry}",
                path.display()
            ),
            _ => writeln!(text, "locked {plugin} {version}{instead} for {target}"),
        };
    }
    text.truncate(text.trim_end().len());
    text
}

#[derive(Debug, Serialize)]
struct Gone<'a> {
    plugin: &'a str,
    version: &'a str,
    /// The file that was removed.
    removed: Option<&'a Path>,
    /// The file that is not what was installed, and stays.
    left: Option<&'a Path>,
}

pub(super) fn uninstall(args: &UninstallArgs, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load()?;
    let done = Installer::new(&manifest, user_folder())?.uninstall(&args.plugin)?;
    if let Some(left) = &done.left {
        output.warn(format_args!("{} is not what was installed, and stays", left.display()));
    }
    let (plugin, version) = (args.plugin.as_str(), done.version.as_str());
    let (removed, left) = (done.removed.as_deref(), done.left.as_deref());
    let text = format!("uninstalled {plugin} {version}");
    output.result(&Gone { plugin, version, removed, left }, text)
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        let exit = match &error {
            InstallError::Unknown { .. } => Exit::NotFound,
            InstallError::Io { source, .. } if is_full(source) => Exit::NoSpace,
            InstallError::NoFolder | InstallError::Io { .. } => Exit::Internal,
            _ => Exit::Plugin,
        };
        let hint = match &error {
            InstallError::Refused(refusal) if refusal.kind() == Code::NotAllowed => {
                ". Or install it whoever made it, with --trust any"
            }
            _ => "",
        };
        Self::new(exit, format_args!("{error}{hint}"))
    }
}
