//! `plugin key new` and `plugin key show`: keys that sign plugins.

use std::path::{Path, PathBuf};

use serde::Serialize;
use spacetime_sdk_loader::{PublicKey, SigningKey};

use super::{Exit, Failure, Output};
use crate::plugin::trust::{SigningKeyError, create_signing_key, load_signing_key};

/// Arguments of `plugin key new` and `plugin key show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The key file
    #[arg(value_name = "KEYFILE")]
    file: PathBuf,
}

/// What both print; nothing of it is secret.
#[derive(Debug, Serialize)]
struct Document<'a> {
    path: &'a Path,
    public_key: PublicKey,
}

pub(super) fn new(args: &Args, output: &Output) -> Result<(), Failure> {
    let key = create_signing_key(&args.file)?;
    output.note(format_args!(
        "the key is in {}: keep a copy of it in a safe place, and give its public key to those who \
         shall trust your plugins",
        args.file.display()
    ));
    print(&args.file, &key, output)
}

pub(super) fn show(args: &Args, output: &Output) -> Result<(), Failure> {
    print(&args.file, &load_signing_key(&args.file)?, output)
}

fn print(path: &Path, key: &SigningKey, output: &Output) -> Result<(), Failure> {
    let public_key = key.public();
    output.result(&Document { path, public_key }, format_args!("public key  {public_key}"))
}

impl From<SigningKeyError> for Failure {
    fn from(error: SigningKeyError) -> Self {
        Self::new(Exit::Key, error)
    }
}
