//! `key new` and `key show`.

use std::path::PathBuf;

use serde::Serialize;
use spacetime_protocol::{
    Identity, PlotKey,
    keys::{Scheme, SecretKey},
    network::development_key,
};

use super::{Failure, Output, manifest::ManifestArgs, plot_common::manifest_key};
use crate::keys;

/// Arguments of `key new`.
#[derive(Debug, clap::Args)]
pub(super) struct NewArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Write the published development key of the network `local`, which everybody has: for trying
    /// things out only
    #[arg(long)]
    development: bool,
}

/// Arguments of `key show`.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    file: FileArgs,
}

#[derive(Debug, clap::Args)]
struct FileArgs {
    /// The key file [default: the manifest's]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    manifest: ManifestArgs,
}

impl FileArgs {
    fn path(&self) -> Result<PathBuf, Failure> {
        self.key.clone().map_or_else(|| manifest_key(&self.manifest), Ok)
    }
}

/// What both print; nothing of it is secret.
#[derive(Debug, Serialize)]
struct Document {
    scheme: Scheme,
    identity: Identity,
    plot_key: PlotKey,
}

pub(super) fn new(args: &NewArgs, output: &Output) -> Result<(), Failure> {
    let path = args.file.path()?;
    let key = if args.development {
        let key = development_key();
        keys::write(&path, &key)?;
        output.warn("everybody has the development key: use it on networks of your own only");
        key
    } else {
        keys::create(&path, Scheme::Ed25519)?
    };
    output
        .note(format_args!("the key is in {}: keep a copy of it in a safe place", path.display()));
    print(&key, output)
}

pub(super) fn show(args: &ShowArgs, output: &Output) -> Result<(), Failure> {
    print(&keys::load(&args.file.path()?)?, output)
}

fn print(key: &SecretKey, output: &Output) -> Result<(), Failure> {
    let (scheme, identity, plot_key) = (key.scheme(), key.identity(), key.plot_key());
    let name = match scheme {
        Scheme::Ed25519 => "ed25519",
        Scheme::Secp256k1 => "secp256k1",
    };
    let text = format!("scheme    {name}\nidentity  {identity}\nplot key  {plot_key}");
    output.result(&Document { scheme, identity, plot_key }, text)
}
