//! All that can be told of a plugin's file without running any of it.

use std::path::{Path, PathBuf};

use spacetime_sdk::{descriptor::TARGET, processor};
use spacetime_sdk_abi::ABI_VERSION;

use crate::{
    descriptor::Descriptor,
    library_file::{ARCHITECTURES, FileError, Format, LibraryFile},
    needed::{NeededLibrary, Presence, needed},
    refusal::Refusal,
};

/// What a plugin's file says, and whether this host would load it.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The file.
    pub path: PathBuf,
    /// The file's format.
    pub format: Format,
    /// The processors that it is for, as Rust names them; empty: unknown.
    pub architecture: &'static str,
    /// What it says about itself.
    pub descriptor: Descriptor,
    /// The libraries that it needs.
    pub libraries: Vec<NeededLibrary>,
    /// Features that it needs and this machine's processor lacks; none for
    /// another platform's file.
    pub missing_features: Vec<String>,
    /// Why this host would not load it.
    pub refusal: Option<Refusal>,
}

impl Inspection {
    /// Reads a plugin file of any platform. Nothing of it is executed, and
    /// little of it is kept in memory.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, that is no (whole) dynamic library, or that
    /// is one without a (whole) description.
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        Self::of(path, LibraryFile::open(path))
    }

    /// The same of a file's bytes; `path` is what errors call it.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read), reading aside.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, Refusal> {
        Self::of(path, LibraryFile::parse(bytes))
    }

    fn of(path: &Path, file: Result<LibraryFile, FileError>) -> Result<Self, Refusal> {
        let file = file.map_err(|error| refused(path, error))?;
        let text = file.description().ok_or_else(|| Refusal::not_a_plugin(path))?;
        let descriptor = Descriptor::of(text, path)?;
        let is_ours = descriptor.target == TARGET && is_for_this_machine(&file);
        let mut inspection = Self {
            path: path.to_owned(),
            format: file.format,
            architecture: file.architecture,
            libraries: needed(&file, is_ours),
            missing_features: if is_ours { missing_features(&descriptor) } else { Vec::new() },
            descriptor,
            refusal: None,
        };
        inspection.refusal = inspection.judge(is_ours).err();
        Ok(inspection)
    }

    /// Itself, if this host would load it.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn accepted(self) -> Result<Self, Refusal> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(self),
        }
    }

    fn judge(&self, is_ours: bool) -> Result<(), Refusal> {
        let (path, descriptor) = (&*self.path, &self.descriptor);
        if descriptor.target != TARGET {
            return Err(Refusal::other_platform(path, &descriptor.target, TARGET));
        }
        if !is_ours {
            return Err(Refusal::other_machine(path, self.format, self.architecture));
        }
        if version(&descriptor.abi).map(|(major, _)| major)
            != version(ABI_VERSION).map(|(major, _)| major)
        {
            return Err(Refusal::other_abi(path, &descriptor.abi, &descriptor.sdk, ABI_VERSION));
        }
        if descriptor.panic != "unwind" {
            return Err(Refusal::aborts(path));
        }
        if !self.missing_features.is_empty() {
            return Err(Refusal::processor(path, &self.missing_features));
        }
        let missing = self.libraries.iter().filter(|one| one.presence == Presence::Missing);
        let missing: Vec<&str> = missing.map(|one| one.name.as_str()).collect();
        if !missing.is_empty() {
            return Err(Refusal::missing_library(path, &missing));
        }
        Ok(())
    }
}

/// The text of a plugin file's descriptor, which is what a signature covers.
pub(crate) fn description(bytes: &[u8], path: &Path) -> Result<String, Refusal> {
    let file = LibraryFile::parse(bytes).map_err(|error| refused(path, error))?;
    file.description().map(str::to_owned).ok_or_else(|| Refusal::not_a_plugin(path))
}

fn refused(path: &Path, error: FileError) -> Refusal {
    match error {
        FileError::Unreadable(source) => Refusal::unreadable(path, &source),
        FileError::NoLibrary => Refusal::not_a_library(path),
    }
}

/// Processors without a name in `library_file` are all alike.
fn is_for_this_machine(file: &LibraryFile) -> bool {
    let ours = std::env::consts::ARCH;
    let ours = if ARCHITECTURES.contains(&ours) { ours } else { "" };
    file.format == Format::OURS && file.architecture == ours
}

/// Features that are not known here may be there: the plugin's SDK is newer.
fn missing_features(descriptor: &Descriptor) -> Vec<String> {
    let lacks = |feature: &&String| processor::has(feature) == Some(false);
    descriptor.cpu.iter().filter(lacks).cloned().collect()
}

/// `major.minor` of a version text.
pub(crate) fn version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
