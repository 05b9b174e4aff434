//! What plugin files there are, read without running any of their code.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use spacetime_sdk_loader::{
    Component, Descriptor, Inspection, Kind, Library, Refusal, Strategy, abi::FaultCode,
    file_names, resolve,
};
use thiserror::Error;

use super::{
    choose::{Offer, Wanted, choose},
    folders::list,
    health::{FaultObserver, Health},
    opener::{Opener, load},
    plan::culprit,
    services::hub,
    slots::StrategySlot,
};
use crate::{
    manifest::{ConfigText, Manifest},
    scan::StrategySource,
};

/// A plugin file that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Whether the manifest lists it.
    pub listed: bool,
    /// What it says about itself.
    pub descriptor: Option<Descriptor>,
    /// Why it cannot be loaded.
    pub refusal: Option<Refusal>,
}

impl Found {
    /// Its components; none if it does not say.
    pub fn components(&self) -> &[Component] {
        self.descriptor.as_ref().map_or(&[], |descriptor| &descriptor.components)
    }
}

/// The manifest's plugins, then every other dynamic library in the folders.
pub fn inventory(manifest: Option<&Manifest>, folders: &[PathBuf]) -> Vec<Found> {
    let mut all = Vec::new();
    for entry in manifest.iter().flat_map(|manifest| &manifest.plugins) {
        let base = manifest.map_or(Path::new("."), |manifest| &manifest.folder);
        let path = resolve(&entry.path, base, folders);
        push(&mut all, look(path, true));
    }
    for path in folders.iter().flat_map(|folder| file_names(folder)) {
        let found = look(path, false);
        push(&mut all, found);
    }
    all
}

/// Adds a file that is not there yet under another name.
fn push(all: &mut Vec<Found>, found: Found) {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if !all.iter().any(|other| real(&other.path) == real(&found.path)) {
        all.push(found);
    }
}

fn look(path: PathBuf, listed: bool) -> Found {
    let (descriptor, refusal) = match Inspection::read(&path) {
        Ok(inspection) => (Some(inspection.descriptor), inspection.refusal),
        Err(refusal) => (None, Some(refusal)),
    };
    Found { path, listed, descriptor, refusal }
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

/// Finds a strategy by its name alone among the plugins at hand, loads its
/// library and opens an instance, so that a wrong config shows at once.
///
/// # Errors
///
/// It is nowhere, in several plugins, in one that cannot be loaded, or it
/// refuses its config.
pub fn find_strategies(
    name: &str,
    config: ConfigText,
    folders: &[PathBuf],
    observer: Arc<dyn FaultObserver>,
) -> Result<Arc<dyn StrategySource>, FindError> {
    let found = inventory(None, folders);
    let (library, component) = find(Kind::Strategy, name, &found, folders)?;
    let health =
        Health::new(culprit(Kind::Strategy, component, library.descriptor()), observer, true);
    hub().watch(component, &health);
    let opener = Opener::new(library, component, component.to_owned(), config, health);
    let spare = opener.open(Strategy::open).map_err(|fault| {
        FindError::Refused(match fault.code {
            FaultCode::CONFIG => fault.message,
            _ => format!("{} cannot be used: {fault}", opener.health.component()),
        })
    })?;
    Ok(Arc::new(StrategySlot::new(Some((opener, spare)))))
}

/// Finds a component among plugins and loads its library.
fn find<'a>(
    kind: Kind,
    name: &'a str,
    found: &[Found],
    folders: &[PathBuf],
) -> Result<(Library, &'a str), FindError> {
    let offers: Vec<Offer<'_>> = found
        .iter()
        .filter_map(|found| {
            let descriptor = found.descriptor.as_ref()?;
            Some(Offer { entry: None, path: &found.path, descriptor })
        })
        .collect();
    let wanted = Wanted { kind, name, plugin: None };
    let (position, name) = choose(&wanted, &offers).map_err(|unchosen| {
        FindError::Unknown(format!("{} (looked in {})", unchosen.message(), list(folders)))
    })?;
    let library =
        load(offers[position].path).map_err(|refusal| FindError::Refused(refusal.to_string()))?;
    Ok((library, name))
}

/// Loads a plugin, which runs its code; what goes wrong is noted.
pub fn try_load(found: &mut Found) {
    if found.refusal.is_none() {
        found.refusal = load(&found.path).err();
    }
}
