//! The root module: the one thing that a host looks up in a library.

use abi_stable::{
    StableAbi,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{RResult, RStr, RString},
};

use crate::{
    data::{Fault, HostInfo, OpenArgs, TransportArgs},
    objects::{
        EngineObject, HostObject, PolicyObject, PortObject, StrategyObject, TransportObject,
    },
    questions::{Answer_NE, Question_NE},
};

/// A library's entry points. A library exports any number of components of
/// any kind; the factories take the component's name.
///
/// Fields are appended at the end; the accessors of those after
/// `last_prefix_field` return an `Option`.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModuleRef)))]
#[sabi(missing_field(option))]
pub struct PluginModule {
    /// The same text as in the library's descriptor section.
    pub descriptor: extern "C" fn() -> RStr<'static>,
    /// Called once per loading, before any factory.
    pub init: extern "C" fn(&HostInfo<'_>, HostObject) -> RResult<(), Fault>,
    pub strategy: extern "C" fn(&OpenArgs<'_>) -> RResult<StrategyObject, Fault>,
    pub engine: extern "C" fn(&OpenArgs<'_>) -> RResult<EngineObject, Fault>,
    pub policy: extern "C" fn(&OpenArgs<'_>) -> RResult<PolicyObject, Fault>,
    pub transport: extern "C" fn(
        &OpenArgs<'_>,
        &TransportArgs<'_>,
        PortObject,
    ) -> RResult<TransportObject, Fault>,
    /// Checks a transport's config and, if it can, its peer, without opening a
    /// session or disturbing one of another process; a sentence on what it found.
    #[sabi(last_prefix_field)]
    pub check_transport:
        extern "C" fn(&OpenArgs<'_>, &TransportArgs<'_>) -> RResult<RString, Fault>,
    /// Puts a question to what the transport connects with, without opening a
    /// session or disturbing one of another process. Since 1.1.
    pub ask_transport:
        extern "C" fn(&OpenArgs<'_>, &TransportArgs<'_>, Question_NE) -> RResult<Answer_NE, Fault>,
    // abi: fields are appended here
}

impl RootModule for PluginModuleRef {
    abi_stable::declare_root_module_statics! {PluginModuleRef}

    const BASE_NAME: &'static str = "spacetime_plugin";
    const NAME: &'static str = "spacetime_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
