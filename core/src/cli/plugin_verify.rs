//! `plugin verify`: who signed a plugin file, and whether it would be loaded.

use std::path::{Path, PathBuf};

use serde::Serialize;
use spacetime_sdk_loader::{Descriptor, FileHash, PluginFile, PublicKey, Refusal, Signature};

use super::{Failure, Output, Style, manifest::ManifestArgs};
use crate::plugin::{entry_of, trust::Permission};

/// Arguments of `plugin verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plugin file
    file: PathBuf,
    #[command(flatten)]
    manifest: ManifestArgs,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    path: &'a Path,
    plugin: &'a str,
    version: &'a str,
    target: &'a str,
    sha256: FileHash,
    /// Who signed it; null: nobody, or the signature is not true.
    signer: Option<PublicKey>,
    /// The manifest's name for that key.
    signer_name: Option<&'a str>,
    /// Why the signature beside it is not true: the code of the refusal.
    signature_code: Option<&'static str>,
    /// The same in words.
    signature_error: Option<String>,
    /// Whether the manifest has an entry for it.
    listed: bool,
    /// Whether it may be loaded.
    trusted: bool,
    /// Why: `miner`, `pinned`, `locked`, `signed` or `any`.
    rule: Option<&'static str>,
    /// Why not: the code of the refusal.
    code: Option<&'static str>,
    /// The same in words.
    error: Option<String>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load_if_there()?;
    let (folders, gate) = args.manifest.places(manifest.as_ref());
    let file = PluginFile::read(&args.file)?;
    let descriptor = file.descriptor()?;
    let entry = manifest.as_ref().and_then(|manifest| entry_of(manifest, &file, &folders));
    let judged = gate.judge(&file, &descriptor, entry);
    let signed = signer(&file);
    let signer = signed.as_ref().ok().copied().flatten();
    let Descriptor { plugin, version, target, .. } = &descriptor;
    let document = Document {
        path: &args.file,
        plugin,
        version,
        target,
        sha256: file.sha256(),
        signer,
        signer_name: signer.and_then(|signer| gate.name_of(signer)),
        signature_code: signed.as_ref().err().map(Refusal::code),
        signature_error: signed.as_ref().err().map(Refusal::to_string),
        listed: entry.is_some(),
        trusted: judged.is_ok(),
        rule: judged.as_ref().ok().map(Permission::rule),
        code: judged.as_ref().err().map(Refusal::code),
        error: judged.as_ref().err().map(Refusal::to_string),
    };
    output.result(&document, text(&document, &judged, output))?;
    judged.map(|_| ()).map_err(Failure::from)
}

/// Who signed a file; `None`: nobody.
fn signer(file: &PluginFile) -> Result<Option<PublicKey>, Refusal> {
    let Some(signature) = Signature::beside(file)? else { return Ok(None) };
    signature.verify(file).map(|()| Some(signature.signer))
}

fn text(document: &Document<'_>, judged: &Result<Permission, Refusal>, output: &Output) -> String {
    let Document { plugin, version, target, sha256, .. } = document;
    let signer = match (document.signer, document.signer_name) {
        (None, _) => match &document.signature_error {
            Some(error) => output.paint(Style::Bad, error),
            None => "nobody".to_owned(),
        },
        (Some(key), None) => key.to_string(),
        (Some(key), Some(name)) => format!("{name} {key}"),
    };
    let trusted = match judged {
        Ok(permission) => output.paint(Style::Good, format_args!("yes: {permission}")),
        Err(_) => output.paint(Style::Bad, "no"),
    };
    format!(
        "plugin   {plugin} {version} for {target}\nsha256   {sha256}\nsigner   {signer}\n\
         trusted  {trusted}"
    )
}
