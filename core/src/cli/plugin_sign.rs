//! `plugin sign`: vouches for a plugin file with a key.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use spacetime_sdk_loader::{FileHash, PluginFile, PublicKey, Refusal, Signature, SigningKey};

use super::{Exit, Failure, Output};
use crate::{
    durable,
    plugin::{
        self,
        trust::{create_signing_key, load_signing_key},
    },
};

/// Arguments of `plugin sign`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plugin file; its signature is written to FILE.sig
    file: PathBuf,
    /// The key file, made by `plugin key new` [default: your own, in the user's
    /// data folder, which is made when it is not there]
    #[arg(long, value_name = "KEYFILE")]
    key: Option<PathBuf>,
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
    let key = match &args.key {
        Some(file) => load_signing_key(file)?,
        None => own_key(output)?,
    };
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

/// The user's own key, made the first time that it is wanted.
fn own_key(output: &Output) -> Result<SigningKey, Failure> {
    let Some(file) = plugin::user_signing_key() else {
        return Err(Failure::new(Exit::Usage, "there is no user's data folder: give a --key"));
    };
    if file.exists() {
        return Ok(load_signing_key(&file)?);
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::unwritten(folder, &error))?;
    }
    let key = create_signing_key(&file)?;
    output.note(format_args!(
        "made a key that signs your plugins, {}: keep a copy of it in a safe place",
        file.display()
    ));
    Ok(key)
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(Exit::Plugin, refusal)
    }
}
