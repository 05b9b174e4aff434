//! What plugin files there are, read without running any of their code.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use spacetime_sdk_loader::{
    Component, Descriptor, Kind, Library, PluginFile, Refusal, Strategy, abi::FaultCode,
    file_names, resolve,
};
use thiserror::Error;

use super::{
    choose::{Offer, Wanted, choose},
    fallback::Fallback,
    folders::list,
    health::{FaultObserver, Health},
    opener::{Opener, admit, load},
    plan::{check_config, culprit, explain},
    services::hub,
    slots::StrategySlot,
    trust::{Gate, Permission},
};
use crate::{
    manifest::{ConfigText, Manifest, PluginEntry},
    record::StrategyId,
    scan::StrategySource,
};

/// A plugin file that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Its entry, if the manifest lists it.
    pub entry: Option<PluginEntry>,
    /// What it says about itself.
    pub descriptor: Option<Descriptor>,
    /// Why it may be loaded.
    pub permission: Option<Permission>,
    /// Why it cannot or may not be loaded.
    pub refusal: Option<Refusal>,
}

impl Found {
    /// Its components; none if it does not say.
    pub fn components(&self) -> &[Component] {
        self.descriptor.as_ref().map_or(&[], |descriptor| &descriptor.components)
    }
}

/// The manifest's plugins, then every other dynamic library in the folders.
pub fn inventory(manifest: Option<&Manifest>, folders: &[PathBuf], gate: &Gate) -> Vec<Found> {
    let mut all = Vec::new();
    for entry in manifest.iter().flat_map(|manifest| &manifest.plugins) {
        let base = manifest.map_or(Path::new("."), |manifest| &manifest.folder);
        let path = resolve(&entry.path, base, folders);
        push(&mut all, look(path, Some(entry), gate));
    }
    for path in folders.iter().flat_map(|folder| file_names(folder)) {
        let found = look(path, None, gate);
        push(&mut all, found);
    }
    all
}

/// The manifest's entry that means this very file.
pub fn entry_of<'a>(
    manifest: &'a Manifest,
    file: &PluginFile,
    folders: &[PathBuf],
) -> Option<&'a PluginEntry> {
    manifest.plugins.iter().find(|entry| {
        let path = resolve(&entry.path, &manifest.folder, folders).canonicalize();
        path.is_ok_and(|path| path == file.real_path())
    })
}

/// Adds a file that is not there yet under another name.
fn push(all: &mut Vec<Found>, found: Found) {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if !all.iter().any(|other| real(&other.path) == real(&found.path)) {
        all.push(found);
    }
}

fn look(path: PathBuf, entry: Option<&PluginEntry>, gate: &Gate) -> Found {
    let mut found =
        Found { path, entry: entry.cloned(), descriptor: None, permission: None, refusal: None };
    match judge(&found.path, entry, gate, &mut found.descriptor) {
        Ok(permission) => found.permission = Some(permission),
        Err(refusal) => found.refusal = Some(refusal),
    }
    found
}

/// What speaks for a file; what it says about itself is kept in any case.
fn judge(
    path: &Path,
    entry: Option<&PluginEntry>,
    gate: &Gate,
    descriptor: &mut Option<Descriptor>,
) -> Result<Permission, Refusal> {
    let file = PluginFile::read(path)?;
    let inspection = file.inspect()?;
    let descriptor = descriptor.insert(inspection.descriptor.clone());
    inspection.accepted()?;
    gate.judge(&file, descriptor, entry)
}

/// Why a component could not be found and loaded by its name alone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FindError {
    /// No plugin at hand has it, or several have.
    #[error("{0}")]
    Unknown(String),
    /// Its plugin cannot be loaded, or it cannot be opened.
    #[error("{0}")]
    Refused(String),
}

/// Where plugins are looked for by commands that load one by a name.
#[derive(Clone, Copy, Debug)]
pub struct Shelf<'a> {
    /// Whose plugins come first.
    pub manifest: Option<&'a Manifest>,
    /// The folders after that, in order.
    pub folders: &'a [PathBuf],
    /// Who lets their files in.
    pub gate: &'a Gate,
}

/// Finds a strategy by its name alone among the plugins at hand, loads its
/// library and opens an instance, so that a wrong config shows at once.
/// `instance` is what it is called in logs.
///
/// # Errors
///
/// It is nowhere, in several plugins, in one that cannot be loaded, or it
/// refuses its config.
pub fn find_strategies(
    name: &str,
    instance: &str,
    config: ConfigText,
    shelf: Shelf<'_>,
    observer: Arc<dyn FaultObserver>,
) -> Result<(Arc<dyn StrategySource>, StrategyId), FindError> {
    let Shelf { manifest, folders, gate } = shelf;
    if let Some(manifest) = manifest {
        hub().work_in(&manifest.folder);
    }
    let found = inventory(manifest, folders, gate);
    let (library, component) = find(Kind::Strategy, name, &config, &found, shelf)?;
    let (kind, instance) = (Kind::Strategy, instance.to_owned());
    let culprit = culprit(kind, component, library.descriptor());
    let health = Health::new(culprit, library.path(), observer, Fallback::of(kind));
    let opener = Opener::new(library, kind, component, instance, config, health);
    let spare = opener.open(Strategy::open).map_err(|fault| {
        FindError::Refused(match fault.code {
            FaultCode::CONFIG => fault.message,
            _ => format!("{} cannot be used: {fault}", opener.health.component()),
        })
    })?;
    let id = opener.strategy_id();
    Ok((Arc::new(StrategySlot::new(Some((opener, spare)))), id))
}

/// Finds a component among plugins, holds the config to what its file says of
/// it, and loads its library.
fn find<'a>(
    kind: Kind,
    name: &'a str,
    config: &ConfigText,
    found: &[Found],
    shelf: Shelf<'_>,
) -> Result<(Library, &'a str), FindError> {
    let Shelf { folders, gate, .. } = shelf;
    let described = |found: &&Found| found.descriptor.is_some();
    let found: Vec<&Found> = found.iter().filter(described).collect();
    let offers: Vec<Offer<'_>> = found
        .iter()
        .filter_map(|found| {
            let (entry, descriptor) = (found.entry.as_ref(), found.descriptor.as_ref()?);
            Some(Offer { entry: entry.map(|entry| &*entry.path), path: &found.path, descriptor })
        })
        .collect();
    let wanted = Wanted { kind, name, plugin: None };
    let (position, name) = choose(&wanted, &offers).map_err(|unchosen| {
        FindError::Unknown(format!("{} (looked in {})", unchosen.message(), list(folders)))
    })?;
    let Found { path, entry, .. } = found[position];
    let refused = |refusal: Refusal| FindError::Refused(refusal.to_string());
    let admitted = admit(gate, path, entry.as_ref()).map_err(refused)?;
    let descriptor = admitted.descriptor();
    check_config(kind, name, descriptor, config).map_err(|fault| {
        FindError::Refused(explain(&culprit(kind, name, descriptor), config, fault).message)
    })?;
    Ok((load(admitted).map_err(refused)?, name))
}

/// Loads a plugin, which runs its code; what goes wrong is noted.
pub fn try_load(found: &mut Found, gate: &Gate) {
    if found.refusal.is_none() {
        found.refusal = admit(gate, &found.path, found.entry.as_ref()).and_then(load).err();
    }
}
