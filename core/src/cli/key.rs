//! `key new`, `key import` and `key show`.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use spacetime_protocol::{
    Identity, PlotKey,
    keys::{Scheme, SecretKey},
    network::development_key,
};

use super::{Failure, Output, manifest::ManifestArgs, plot_common::manifest_key};
use crate::keys::{self, KeyError};

/// Arguments of `key new`.
#[derive(Debug, clap::Args)]
pub(super) struct NewArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The kind of key; the reference network knows secp256k1 only
    #[arg(long, value_parser = scheme(), default_value = "ed25519")]
    scheme: Scheme,
    /// Write the published development key of the network `local`, which everybody has: for trying
    /// things out only
    #[arg(long, conflicts_with = "scheme")]
    development: bool,
}

/// Arguments of `key import`.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The kind of key: the same 32 bytes are another identity in each
    #[arg(long, value_parser = scheme())]
    scheme: Scheme,
    /// The file with the secret key, 64 hex digits; `-`: standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
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

/// The schemes by their names.
fn scheme() -> impl TypedValueParser<Value = Scheme> {
    let names = Scheme::ALL.map(keys::scheme_name);
    PossibleValuesParser::new(names).map(|name| {
        let is_named = |scheme: &Scheme| keys::scheme_name(*scheme) == name;
        Scheme::ALL.into_iter().find(is_named).expect("the parser lets no other name through")
    })
}

/// What all print; nothing of it is secret.
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
        keys::create(&path, args.scheme)?
    };
    keep(&path, output);
    print(&key, output)
}

/// The secret is read from a file or standard input: arguments are seen by
/// everybody on the machine, and kept by shells.
pub(super) fn import(args: &ImportArgs, output: &Output) -> Result<(), Failure> {
    let path = args.file.path()?;
    let key = if args.from == Path::new("-") {
        keys::import(&path, args.scheme, io::stdin().lock(), "standard input")?
    } else {
        let from = args.from.display().to_string();
        let file = File::open(&args.from)
            .map_err(|source| KeyError::Unreadable { from: from.clone(), source })?;
        keys::import(&path, args.scheme, file, &from)?
    };
    keep(&path, output);
    print(&key, output)
}

fn keep(path: &Path, output: &Output) {
    output
        .note(format_args!("the key is in {}: keep a copy of it in a safe place", path.display()));
}

pub(super) fn show(args: &ShowArgs, output: &Output) -> Result<(), Failure> {
    print(&keys::load(&args.file.path()?)?, output)
}

fn print(key: &SecretKey, output: &Output) -> Result<(), Failure> {
    let (scheme, identity, plot_key) = (key.scheme(), key.identity(), key.plot_key());
    let name = keys::scheme_name(scheme);
    let text = format!("scheme    {name}\nidentity  {identity}\nplot key  {plot_key}");
    output.result(&Document { scheme, identity, plot_key }, text)
}
