//! `plugin trust`: writes into the manifest whom or what to trust.

use std::path::Path;

use serde::Serialize;
use spacetime_sdk_loader::{NoPublicKey, PluginFile, PublicKey, Refusal, Signature};

use super::{Exit, Failure, Output, manifest::ManifestArgs};
use crate::{
    manifest::{Change, Manifest, RewriteError, rewrite},
    plugin::entry_of,
};

/// Arguments of `plugin trust`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A public key of 64 hex digits, to be trusted under --name; or a plugin file: its signer is
    /// trusted under --name, or without one this very file is, by its SHA-256
    #[arg(value_name = "KEY|FILE")]
    what: String,
    /// What you call whoever has the key
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    manifest: ManifestArgs,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    manifest: &'a Path,
    /// What was written; null: it said so before.
    written: Option<String>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.manifest.load_for_files()?;
    let place = args.manifest.file();
    let change = match (args.what.parse::<PublicKey>(), &args.name) {
        (Ok(key), Some(name)) => trust_key(&manifest, name, key)?,
        (Ok(_), None) => {
            let message = "a key needs a name that you will know it by: add --name NAME";
            return Err(Failure::new(Exit::Usage, message));
        }
        (Err(NoPublicKey::Form), name) => {
            trust_file(&manifest, Path::new(&args.what), name.as_deref())?
        }
        (Err(error), _) => return Err(Failure::new(Exit::Usage, error)),
    };
    if let Some(change) = &change {
        rewrite(place, change)?;
    }
    let written = change.as_ref().map(Change::to_string);
    let text = match &written {
        Some(written) => format!("wrote into {}: {written}", place.display()),
        None => format!("{} says so already", place.display()),
    };
    output.result(&Document { manifest: place, written }, text)
}

fn trust_key(manifest: &Manifest, name: &str, key: PublicKey) -> Result<Option<Change>, Failure> {
    match manifest.trusted_keys.get(name) {
        None => Ok(Some(Change::TrustKey { name: name.to_owned(), key })),
        Some(known) if *known == key => Ok(None),
        Some(known) => Err(Failure::new(
            Exit::Manifest,
            format_args!(
                "{} has another key for `{name}`, {known}: choose another name, or take that one \
                 away first",
                manifest.name()
            ),
        )),
    }
}

fn trust_file(
    manifest: &Manifest,
    path: &Path,
    name: Option<&str>,
) -> Result<Option<Change>, Failure> {
    let file = PluginFile::read(path)?;
    file.descriptor()?;
    let signature = Signature::beside(&file)?;
    // One that is not true is a reason to trust nobody.
    signature.as_ref().map_or(Ok(()), |signature| signature.verify(&file))?;
    if let Some(name) = name {
        let signature = signature.ok_or_else(|| Refusal::not_signed(path))?;
        return trust_key(manifest, name, signature.signer);
    }
    let sha256 = file.sha256();
    let folders = crate::plugin::folders(&[], &manifest.plugin_directories);
    let entry = entry_of(manifest, &file, &folders);
    let number = entry.and_then(|entry| manifest.plugins.iter().position(|other| other == entry));
    match (entry, number) {
        (Some(entry), Some(_)) if entry.sha256 == Some(sha256) => Ok(None),
        (_, Some(entry)) => Ok(Some(Change::Pin { entry, sha256 })),
        _ => Ok(Some(Change::Plugin { path: path_of(manifest, &file)?, sha256 })),
    }
}

/// A file's path as the manifest should have it: relative where it lies below.
fn path_of(manifest: &Manifest, file: &PluginFile) -> Result<String, Failure> {
    let absolute = std::path::absolute(file.path())
        .map_err(|error| Refusal::unreadable(file.path(), &error))?;
    let folder = &manifest.folder;
    let relative = absolute.strip_prefix(folder).unwrap_or(&absolute);
    // A bare name would be looked for.
    let path = match relative.components().count() {
        1 => Path::new(".").join(relative),
        _ => relative.to_owned(),
    };
    path.into_os_string().into_string().map_err(|path| {
        let message = format!("{} is not valid text, which manifests are", path.display());
        Failure::new(Exit::Manifest, message)
    })
}

impl From<RewriteError> for Failure {
    fn from(error: RewriteError) -> Self {
        Self::new(Exit::Manifest, error)
    }
}
