//! Everything that it takes to open a component, again and again.

use std::{io, path::Path, sync::Arc, time::Duration};

use spacetime_sdk_loader::{Caller, Fault, Kind, Library, Method, OpenRequest, Refusal};

use super::{
    health::Health,
    plan::explain,
    services::hub,
    trust::{Admitted, Gate},
};
use crate::{
    foreign::{OPEN_LIMIT, call_within, within},
    manifest::{ConfigText, PluginEntry},
    record::StrategyId,
};

/// What reading a plugin file may take, and copying it.
const COPY_LIMIT: Duration = Duration::from_secs(60);

/// Reads a plugin file and asks the gate for it, waiting for a slow disk no
/// longer than it deserves.
///
/// # Errors
///
/// Why it cannot or may not be loaded.
pub(super) fn admit(
    gate: &Gate,
    path: &Path,
    entry: Option<&PluginEntry>,
) -> Result<Admitted, Refusal> {
    let (gate, owned, entry) = (gate.clone(), path.to_owned(), entry.cloned());
    on_disk(path, move || gate.admit(&owned, entry.as_ref()))
}

/// Loads a library that the gate has admitted, from its private copy, waiting
/// for its initialisers no longer than they deserve.
///
/// # Errors
///
/// Why it cannot be loaded.
pub(super) fn load(admitted: Admitted) -> Result<Library, Refusal> {
    let path = admitted.path().to_owned();
    let copy = on_disk(&path, || admitted.copy())?;
    let load = move || Ok(Library::load_copy(copy, hub().clone()));
    call_within(Method::Load, OPEN_LIMIT, load)
        .unwrap_or_else(|fault| Err(Refusal::start(&path, &fault.to_string())))
}

fn on_disk<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    within(COPY_LIMIT, move || Ok(work()))
        .unwrap_or_else(|fault| Err(Refusal::unreadable(path, &io::Error::other(fault))))
}

/// A component that was chosen, with its config.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    pub(super) library: Library,
    pub(super) health: Arc<Health>,
    caller: Arc<Caller>,
    component: String,
    instance: String,
    config: ConfigText,
}

impl Opener {
    /// A component of a library, and who counts what it does from now on.
    pub(super) fn new(
        library: Library,
        kind: Kind,
        component: &str,
        instance: String,
        config: ConfigText,
        health: Arc<Health>,
    ) -> Self {
        let caller = library.caller(kind, component, &instance);
        hub().watch(&instance, &health, caller.clone());
        Self { library, health, caller, component: component.to_owned(), instance, config }
    }

    /// Takes note of a fault, and tells of it.
    pub(super) fn record(&self, fault: &Fault) {
        self.note_late(fault);
        self.health.record(fault);
    }

    /// Takes note of a fault that somebody else tells of.
    pub(super) fn count(&self, fault: &Fault) {
        self.note_late(fault);
        self.health.count(1);
    }

    fn note_late(&self, fault: &Fault) {
        if let Some(method) = fault.late {
            self.caller.give_up(method);
        }
    }

    /// The component's name.
    pub(super) fn component(&self) -> &str {
        &self.component
    }

    /// The name under which the instance appears in logs.
    pub(super) fn instance(&self) -> &str {
        &self.instance
    }

    /// The component as a strategy, for the record.
    pub(super) fn strategy_id(&self) -> StrategyId {
        let descriptor = self.library.descriptor();
        StrategyId {
            name: self.component.clone(),
            plugin: descriptor.plugin.clone(),
            version: descriptor.version.clone(),
            config: self.config.text.clone(),
            ron_extensions: self.config.ron_extensions,
        }
    }

    pub(super) fn request(&self) -> OpenRequest<'_> {
        OpenRequest {
            component: &self.component,
            instance: &self.instance,
            config: &self.config.text,
            config_line: self.config.line,
            config_column: self.config.column,
            ron_extensions: self.config.ron_extensions,
        }
    }

    /// Opens an instance, waiting for its constructor no longer than it deserves.
    ///
    /// # Errors
    ///
    /// The component's or its config's, explained.
    pub(super) fn open<T: Send + 'static>(
        &self,
        open: fn(&Library, &OpenRequest<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let opener = self.clone();
        let open = move || open(&opener.library, &opener.request());
        call_within(Method::Open, OPEN_LIMIT, open).map_err(|fault| self.explain(fault))
    }

    /// Completes a config's fault with its place, so that it can be shown alone.
    pub(super) fn explain(&self, fault: Fault) -> Fault {
        explain(self.health.component(), &self.config, fault)
    }
}
