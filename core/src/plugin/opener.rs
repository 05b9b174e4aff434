//! Everything that it takes to open a component, again and again.

use std::{path::Path, sync::Arc};

use spacetime_sdk_loader::{Fault, Library, OpenRequest, Refusal};

use super::{health::Health, plan::explain, services::hub};
use crate::{
    foreign::{OPEN_LIMIT, within},
    manifest::ConfigText,
};

/// Loads a library, waiting for its initialisers no longer than they deserve.
///
/// # Errors
///
/// Why it cannot be loaded.
pub(super) fn load(path: &Path) -> Result<Library, Refusal> {
    let owned = path.to_owned();
    within(OPEN_LIMIT, move || Ok(Library::load(&owned, hub().clone())))
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
        explain(self.health.component(), &self.config, fault)
    }
}
