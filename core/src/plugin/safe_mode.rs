//! What is left of a manifest when in doubt: the host's own strategy, kernels
//! and empty blocks, and transports that came with the miner.

use std::path::Path;

use spacetime_sdk_loader::{Descriptor, Kind, PluginFile, resolve};

use super::{folders::folders, trust::Gate};
use crate::manifest::{ComponentEntry, Manifest, PluginEntry};

/// Takes everything out of a manifest that safe mode does without: strategy,
/// shadows, engine and policy, transports that did not come with the miner, and
/// every plugin that has none of the remaining transports. Runs no plugin's
/// code.
pub fn keep_what_is_safe(manifest: &mut Manifest) {
    (manifest.strategy, manifest.engine, manifest.policy) = (None, None, None);
    manifest.shadows.clear();
    let gate = Gate::of(manifest);
    let folders = folders(&[], &manifest.plugin_directories);
    let folder = manifest.folder.clone();
    let wanted = std::mem::take(&mut manifest.transports);
    let mut has = vec![false; wanted.len()];
    manifest.plugins.retain(|entry| {
        let path = resolve(&entry.path, &folder, &folders);
        let offered: Vec<bool> =
            wanted.iter().map(|transport| offers(&path, entry, transport, &gate)).collect();
        has.iter_mut().zip(&offered).for_each(|(has, offered)| *has |= offered);
        offered.contains(&true)
    });
    let kept = wanted.into_iter().zip(has).filter(|(_, has)| *has);
    manifest.transports = kept.map(|(transport, _)| transport).collect();
}

/// Whether a plugin file came with the miner and has a transport.
fn offers(path: &Path, plugin: &PluginEntry, wanted: &ComponentEntry, gate: &Gate) -> bool {
    let Ok(file) = PluginFile::read(path) else { return false };
    if !gate.came_with_miner(&file) {
        return false;
    }
    let Ok(descriptor) = file.descriptor() else { return false };
    let (id, name) = match wanted.name.rsplit_once('/') {
        Some((id, name)) => (Some(id), name),
        None => (None, wanted.name.as_str()),
    };
    let is_called = |name: &str| {
        let Descriptor { plugin: id, version, .. } = &descriptor;
        name == id || name == format!("{id}@{version}") || Path::new(name) == plugin.path
    };
    descriptor.component(Kind::Transport, name).is_some()
        && id.is_none_or(is_called)
        && wanted.plugin.as_deref().is_none_or(is_called)
}
