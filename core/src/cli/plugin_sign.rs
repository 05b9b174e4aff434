//! `plugin sign`: vouches for a plugin file with a key.

use std::path::{Path, PathBuf};

use serde::Serialize;
use spacetime_sdk_loader::{FileHash, PluginFile, PublicKey, Refusal, Signature};

use super::{Exit, Failure, Output};
use crate::{durable, plugin::trust::load_signing_key};

/// Arguments of `plugin sign`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plugin file; its signature is written to FILE.sig
    file: PathBuf,
    /// The key file, made by `plugin key new`
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    path: &'a Path,
    signature: &'a Path,
    plugin: &'a str,
    version: &'a str,
    target: &'a str,
    sha256: FileHash,
    signer: PublicKey,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let key = load_signing_key(&args.key)?;
    let file = PluginFile::read(&args.file)?;
    let signature = Signature::make(&file, &key)?;
    let place = Signature::path_of(&args.file);
    durable::replace(&place, signature.to_text().as_bytes())
        .map_err(|error| Failure::unwritten(&place, &error))?;
    let Signature { plugin, version, target, sha256, signer, .. } = &signature;
    let document = Document {
        path: &args.file,
        signature: &place,
        plugin,
        version,
        target,
        sha256: *sha256,
        signer: *signer,
    };
    let text = format!(
        "plugin     {plugin} {version} for {target}\nsha256     {sha256}\nsigner     {signer}\n\
         signature  {}",
        place.display()
    );
    output.result(&document, text)
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(Exit::Plugin, refusal)
    }
}
