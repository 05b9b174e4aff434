//! Loads a library, after everything that can be checked without running its
//! code, and checks the layout of every type of the boundary before use.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use abi::{
    ABI_VERSION, HostInfo, PluginModuleRef,
    abi_stable::{
        abi_stability::{
            StableAbi,
            abi_checking::{CheckingGlobals, check_layout_compatibility_with_globals},
        },
        library::{AbiHeaderRef, LibHeader},
    },
};
use spacetime_sdk_abi as abi;

use crate::{
    cache::PrivateCopy,
    calls::{Caller, Callers, Method},
    descriptor::{Descriptor, Kind},
    file::{FileHash, PluginFile},
    handles::OpenRequest,
    inspection::version,
    refusal::Refusal,
    services::{self, Services},
};

/// A loaded plugin.
#[derive(Clone)]
pub struct Library {
    path: PathBuf,
    descriptor: Descriptor,
    module: PluginModuleRef,
    callers: Arc<Callers>,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("path", &self.path)
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}

impl Library {
    /// Loads a plugin file from where it lies, whoever vouches for it: for
    /// what was built a moment ago. Loading the same file again gives the same
    /// code, and any number of components of it.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]; whatever [`Inspection`](crate::Inspection) tells is told before any of the
    /// file has been run.
    pub fn load(path: &Path, services: Arc<dyn Services>) -> Result<Self, Refusal> {
        let file = PluginFile::read(path)?;
        let (descriptor, sha256) = (file.inspect()?.accepted()?.descriptor, file.sha256());
        drop(file);
        Self::load_from(path, path, descriptor, sha256)?.started(services)
    }

    /// Loads a plugin's private copy, which nobody can change meanwhile, nor
    /// while the process lives.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load); they name the file that was copied.
    pub fn load_copy(copy: PrivateCopy, services: Arc<dyn Services>) -> Result<Self, Refusal> {
        let (path, sha256) = (copy.original().to_owned(), copy.sha256());
        let descriptor = copy.inspection().clone().accepted()?.descriptor;
        let loaded = Self::load_from(copy.path(), &path, descriptor, sha256);
        // Refused or not, it may be mapped from now on.
        copy.keep_for_good();
        loaded?.started(services)
    }

    /// Maps the file at `from`, which is `path` or a copy of it.
    fn load_from(
        from: &Path,
        path: &Path,
        descriptor: Descriptor,
        sha256: FileHash,
    ) -> Result<Self, Refusal> {
        let callers = Arc::new(Callers::new(path, &descriptor, sha256));
        let load = || load_module(from, path, &descriptor, callers.library());
        let module = callers.library().run(Method::Load, load)?;
        Ok(Self { path: path.to_owned(), descriptor, module, callers })
    }

    /// The plugin's file, which it was loaded from or copied from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The hash of that file, as it was read.
    pub fn sha256(&self) -> FileHash {
        self.callers.library().culprit().sha256
    }

    /// Who is called when an instance of a component is.
    pub fn caller(&self, kind: Kind, component: &str, instance: &str) -> Arc<Caller> {
        self.callers.component(kind, component, instance)
    }

    /// The same of what is opened.
    pub(crate) fn caller_of(&self, kind: Kind, request: &OpenRequest<'_>) -> Arc<Caller> {
        self.caller(kind, request.component, request.instance)
    }

    pub(crate) fn module(&self) -> PluginModuleRef {
        self.module
    }

    /// Connects it with the host.
    fn started(self, services: Arc<dyn Services>) -> Result<Self, Refusal> {
        self.callers.library().run(Method::Load, || self.start(services))?;
        Ok(self)
    }

    fn start(&self, services: Arc<dyn Services>) -> Result<(), Refusal> {
        let loaded = Descriptor::of(self.module.descriptor()().as_str(), &self.path);
        if loaded.ok().as_ref() != Some(&self.descriptor) {
            return Err(Refusal::changed(&self.path));
        }
        let info =
            HostInfo { abi: ABI_VERSION.into(), features: abi::features::ALL, reserved: [0; 8] };
        let host = services::object(services, self.callers.clone());
        self.module.init()(&info, host)
            .into_result()
            .map_err(|fault| Refusal::start(&self.path, fault.message.as_str()))
    }
}

/// Modules by the address of their header: the system maps a file once, and
/// its check need not be repeated.
fn checked() -> &'static Mutex<HashMap<usize, PluginModuleRef>> {
    static CHECKED: std::sync::OnceLock<Mutex<HashMap<usize, PluginModuleRef>>> =
        std::sync::OnceLock::new();
    CHECKED.get_or_init(Mutex::default)
}

/// Maps the file at `from`; refusals call it `path`.
#[allow(unsafe_code, reason = "loading foreign code is unsafe by nature")]
fn load_module(
    from: &Path,
    path: &Path,
    descriptor: &Descriptor,
    caller: &Caller,
) -> Result<PluginModuleRef, Refusal> {
    // SAFETY: running the file's initialisers is what the user asked for by
    // naming it; that it is a plugin for this platform was checked before.
    let open = || unsafe { libloading::Library::new(absolute(from)) };
    let library = caller.bring_code(open).map_err(|error| {
        match from.parent().filter(|folder| runs_no_programs(folder)) {
            Some(folder) => Refusal::no_programs(path, folder),
            None => Refusal::system(path, &with_source(&error)),
        }
    })?;
    // SAFETY: libraries with a descriptor export this symbol, made by the
    // SDK's macro, as a `LibHeader`, which begins with an `AbiHeader`.
    let header: AbiHeaderRef = unsafe { library.get::<AbiHeaderRef>(b"SPACETIME_PLUGIN_MODULE\0") }
        .map(|symbol| *symbol)
        .map_err(|_| Refusal::not_a_plugin(path))?;
    // Never unloaded: threads, thread-locals and vtables of it may live on.
    std::mem::forget(library);
    let refused = || Refusal::other_abi(path, &descriptor.abi, &descriptor.sdk, ABI_VERSION);
    let header = header.upgrade().map_err(|_| refused())?;
    let key = std::ptr::from_ref::<LibHeader>(header).addr();
    let mut checked = checked().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = checked.get(&key) {
        return Ok(*module);
    }
    check_layout(path, header)?;
    // SAFETY: the layout was checked, in the direction that is right for a
    // plugin of this minor version.
    let module = unsafe { header.unchecked_layout::<PluginModuleRef>() }
        .map_err(|error| Refusal::start(path, &error.to_string()))?;
    checked.insert(key, module);
    Ok(module)
}

/// Whether a folder lies on a file system that nothing is mapped from to be run.
#[cfg(target_os = "linux")]
fn runs_no_programs(folder: &Path) -> bool {
    use rustix::fs::{StatVfsMountFlags, statvfs};
    statvfs(folder).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

#[cfg(not(target_os = "linux"))]
fn runs_no_programs(_: &Path) -> bool {
    false
}

fn absolute(path: &Path) -> PathBuf {
    // A bare file name would be looked for in the system's library folders.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn with_source(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

/// A minor version only appends, so whichever side is newer has the older
/// one's layout as its beginning: the older side is what is expected.
fn check_layout(path: &Path, header: &'static LibHeader) -> Result<(), Refusal> {
    let theirs_text = header.version_strings().version.as_str();
    let layout = |detail: String| Refusal::layout(path, theirs_text, ABI_VERSION, detail);
    let theirs = header.layout().ok_or_else(|| layout("it carries no layout".to_owned()))?;
    let ours = PluginModuleRef::LAYOUT;
    let (Some(their_version), Some(our_version)) = (version(theirs_text), version(ABI_VERSION))
    else {
        return Err(layout("it carries no version".to_owned()));
    };
    let (expected, actual) =
        if their_version <= our_version { (theirs, ours) } else { (ours, theirs) };
    // The process-wide record of `abi_stable` would compare the plugins with
    // one another too, and then refuse some because of others' versions; they
    // never meet but through this host.
    check_layout_compatibility_with_globals(expected, actual, &CheckingGlobals::new())
        .map_err(|errors| layout(errors.to_string()))
}
