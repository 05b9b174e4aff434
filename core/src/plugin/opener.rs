//! Everything that it takes to open a component, again and again.

use std::{io, path::Path, sync::Arc, time::Duration};

use spacetime_sdk_loader::{Fault, Kind, Library, OpenRequest, Refusal, abi::FaultCode};

use super::{
    health::Health,
    services::hub,
    trust::{Admitted, Gate},
};
use crate::{
    foreign::{OPEN_LIMIT, within},
    manifest::{ConfigText, PluginEntry},
    record::StrategyId,
};

/// What reading a plugin file and copying it may take.
const COPY_LIMIT: Duration = Duration::from_secs(60);

/// Loads a library that the gate admits, from its private copy, waiting for
/// its initialisers no longer than they deserve.
///
/// # Errors
///
/// Why it cannot or may not be loaded.
pub(super) fn load(
    gate: &Gate,
    path: &Path,
    entry: Option<&PluginEntry>,
) -> Result<Library, Refusal> {
    let (gate, owned, entry) = (gate.clone(), path.to_owned(), entry.cloned());
    let copy = move || Ok(gate.admit(&owned, entry.as_ref()).and_then(Admitted::copy));
    let copy = within(COPY_LIMIT, copy)
        .unwrap_or_else(|fault| Err(Refusal::unreadable(path, &io::Error::other(fault))))?;
    within(OPEN_LIMIT, move || Ok(Library::load_copy(copy, hub().clone())))
        .unwrap_or_else(|fault| Err(Refusal::start(path, &fault.to_string())))
}

/// A component that was chosen, with its config.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    pub(super) library: Library,
    pub(super) health: Arc<Health>,
    component: String,
    instance: String,
    config: ConfigText,
}

impl Opener {
    pub(super) fn new(
        library: Library,
        component: &str,
        instance: String,
        config: ConfigText,
        health: Arc<Health>,
    ) -> Self {
        Self { library, health, component: component.to_owned(), instance, config }
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
        within(OPEN_LIMIT, move || open(&opener.library, &opener.request()))
            .map_err(|fault| self.explain(fault))
    }

    /// Completes a config's fault with its place, so that it can be shown alone.
    pub(super) fn explain(&self, fault: Fault) -> Fault {
        if fault.code != FaultCode::CONFIG {
            return fault;
        }
        let place = match (self.config.origin.as_str(), fault.line) {
            (origin, 0) => origin.to_owned(),
            (origin, line) => format!("{origin}:{line}:{}", fault.column),
        };
        let field = match fault.field.as_str() {
            "" => String::new(),
            field => format!(", field `{field}`"),
        };
        let message =
            format!("{place}: config of {}{field}: {}", self.health.component(), fault.message);
        Fault { message, ..fault }
    }
}

/// A component and its plugin, as messages name them.
pub(super) fn culprit(kind: Kind, component: &str, library: &Library) -> String {
    let descriptor = library.descriptor();
    format!("{kind} `{component}` (plugin {} {})", descriptor.plugin, descriptor.version)
}
