//! Why a file cannot be used as a plugin: two sentences for the user, the
//! first what is wrong, the second what to do; more only on request.

mod codes;
mod trust;

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

pub use codes::{Code, Explanation};

use crate::{library_file::Format, unbuilt::unbuilt};

/// Why a file cannot be used as a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    path: PathBuf,
    code: Code,
    cause: String,
    remedy: String,
    detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, cause, remedy) = (self.path.display(), &self.cause, &self.remedy);
        let stop = if remedy.ends_with('?') { "" } else { "." };
        write!(f, "plugin {path} {cause}. {remedy}{stop} [{}]", self.code())
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// The file in question.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with it.
    pub fn kind(&self) -> Code {
        self.code
    }

    /// A code that stays the same between versions (`PLG-0003`), and that
    /// [`Explanation::of`] explains.
    pub fn code(&self) -> &'static str {
        self.code.explanation().code
    }

    /// For `--verbose`: a layout difference, a system message; may be long,
    /// may be empty.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    fn new(path: &Path, code: Code, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            code,
            cause: cause.into(),
            remedy: remedy.into(),
            detail: String::new(),
        }
    }

    fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// It, or a component of it, brought the miner down: `how` it did, after
    /// "it"; `name` is what it is released by.
    pub fn quarantined(path: &Path, how: impl fmt::Display, name: &str) -> Self {
        Self::new(
            path,
            Code::Quarantined,
            how.to_string(),
            format!(
                "It is used again when its file changes, or after `spacetime-miner plugin release \
                 {name}`"
            ),
        )
    }

    /// The system does not give it.
    pub fn unreadable(path: &Path, source: &io::Error) -> Self {
        // A folder is nothing that can be read, either.
        let is_no_file = source.kind() == io::ErrorKind::NotFound || path.is_dir();
        let remedy = if is_no_file { unbuilt(path) } else { None };
        Self::new(
            path,
            Code::Unreadable,
            format!("cannot be read: {source}"),
            remedy.unwrap_or_else(|| "Check the path and its permissions".to_owned()),
        )
    }

    pub(crate) fn not_a_library(path: &Path) -> Self {
        Self::new(
            path,
            Code::NotALibrary,
            "is not a dynamic library, or not a whole one",
            "Name the .so, .dylib or .dll file that `cargo build` made of the plugin",
        )
    }

    pub(crate) fn not_a_plugin(path: &Path) -> Self {
        Self::new(
            path,
            Code::NotAPlugin,
            "is a dynamic library, but not a Spacetime plugin",
            "Its code must call `spacetime_sdk::export_plugin!`, and its file be whole",
        )
    }

    pub(crate) fn damaged(path: &Path, detail: &str) -> Self {
        Self::new(
            path,
            Code::Undescribed,
            "describes itself in a form that this host cannot read",
            "Build it again with this host's SDK",
        )
        .with_detail(detail)
    }

    pub(crate) fn other_platform(path: &Path, theirs: &str, ours: &str) -> Self {
        Self::new(
            path,
            Code::OtherPlatform,
            format!("was built for {theirs}, and this host runs on {ours}"),
            "Get or build it for this platform",
        )
    }

    pub(crate) fn other_machine(path: &Path, format: Format, architecture: &str) -> Self {
        let architecture = if architecture.is_empty() { "an unknown" } else { architecture };
        Self::new(
            path,
            Code::OtherPlatform,
            format!("is of another platform than it says: {format} for {architecture} processors"),
            "Get or build it for this platform",
        )
    }

    pub(crate) fn processor(path: &Path, missing: &[String]) -> Self {
        Self::new(
            path,
            Code::Processor,
            format!(
                "was compiled for processors with {}, which this machine's lacks",
                missing.join(", ")
            ),
            "Build it on this machine, or without -C target-cpu and -C target-feature",
        )
    }

    pub(crate) fn missing_library(path: &Path, missing: &[&str]) -> Self {
        Self::new(
            path,
            Code::MissingLibrary,
            format!("needs {}, which this system has nowhere", missing.join(", ")),
            "Install the package with it, or put its folder into LD_LIBRARY_PATH",
        )
    }

    pub(crate) fn aborts(path: &Path) -> Self {
        Self::new(
            path,
            Code::Aborts,
            "was built with panic = \"abort\", so that any panic of it would end the miner",
            "Build it with panic = \"unwind\"",
        )
    }

    pub(crate) fn other_abi(path: &Path, theirs: &str, sdk: &str, ours: &str) -> Self {
        Self::new(
            path,
            Code::OtherInterface,
            format!(
                "was built for plugin interface {theirs} (SDK {sdk}), and this host has {ours}"
            ),
            "Build it again with an SDK of this host's major version, or use another host",
        )
    }

    pub(crate) fn layout(path: &Path, theirs: &str, ours: &str, detail: String) -> Self {
        Self::new(
            path,
            Code::OtherLayout,
            format!(
                "has data types that differ from this host's, although it names plugin interface \
                 {theirs} (this host has {ours})"
            ),
            "Build it again with the unchanged SDK",
        )
        .with_detail(detail)
    }

    pub(crate) fn system(path: &Path, detail: &str) -> Self {
        let short = detail.lines().next().unwrap_or_default().to_owned();
        Self::new(
            path,
            Code::System,
            format!("could not be loaded by the system: {short}"),
            "Install what it misses, or build it on this machine",
        )
        .with_detail(detail)
    }

    /// Its own code failed, or never returned, while it was loaded.
    pub fn start(path: &Path, detail: &str) -> Self {
        Self::new(
            path,
            Code::Start,
            format!("failed while it was starting: {detail}"),
            "Report this to its author, and remove it from the manifest until then",
        )
    }

    /// The file is not the one that was admitted any more.
    pub fn exchanged(path: &Path) -> Self {
        Self::new(
            path,
            Code::Changed,
            "was exchanged or changed while the miner was starting",
            "Start the miner again once the file is completely written",
        )
    }

    pub(crate) fn changed(path: &Path) -> Self {
        Self::new(
            path,
            Code::Changed,
            "describes itself in two ways: it was exchanged after this process had loaded it, or \
             while it did",
            "Start the miner again once the file is completely written",
        )
    }
}
