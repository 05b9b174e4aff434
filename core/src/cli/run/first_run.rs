//! What `run` makes on its first run, where the manifest allows it: a key, and
//! a plot to begin with.

use std::path::{Path, PathBuf};

use spacetime_protocol::{
    Leaf,
    keys::{Scheme, SecretKey},
};

use super::Live;
use crate::{
    cli::{Exit, Failure, Output},
    engine::PlotSource,
    keys::{self, KeyError, SecretFileError},
    manifest::Manifest,
    observe::size,
    plots::{
        CacheLevels, CreateError, CreateEvent, CreateSpec, CreateWatch, DEFAULT_MEMORY, create,
    },
};

/// The first plot's name.
const NAME: &str = "first.plot";

/// The manifest's key; a new one if there is none and the manifest allows it.
pub(super) fn key(manifest: &Manifest, output: &Output) -> Result<SecretKey, Failure> {
    let path = &manifest.private_key_path;
    let may_create = manifest.first_run.is_some_and(|first_run| first_run.create_key);
    match keys::load(path) {
        Err(KeyError::File(SecretFileError::Missing { .. })) if may_create => {
            let key = keys::create(path, Scheme::Ed25519)
                .map_err(|error| Failure::new(Exit::Key, error))?;
            output.line(format_args!(
                "Made a new key, {}: whoever has this file has what you mine, so keep a copy in a \
                 safe place",
                path.display()
            ))?;
            Ok(key)
        }
        key => key.map_err(|error| Failure::new(Exit::Key, error)),
    }
}

/// Makes a plot if there is none at all and the manifest allows it.
pub(super) fn plot(
    manifest: &Manifest,
    key: &SecretKey,
    mut live: Live,
    output: &Output,
) -> Result<Live, Failure> {
    let Some(bytes) = manifest.first_run.and_then(|first_run| first_run.plot_bytes) else {
        return Ok(live);
    };
    let Some(folder) = manifest.plot_directories.first() else { return Ok(live) };
    if !live.plots().is_empty() || has_plot_files(manifest) || misses_plots(&live) {
        return Ok(live);
    }
    let target = folder.join(NAME);
    output.line(format_args!(
        "There is no plot yet: making {} ({}); it is mined with from then on",
        target.display(),
        size(bytes)
    ))?;
    make(target, bytes, key, output)?;
    // Problems of an empty folder are of no interest any more.
    live.look_again();
    Ok(live)
}

/// Whether plots are recorded that are not there: their drive may only be
/// unmounted, and a plot in its place would hide that.
fn misses_plots(live: &Live) -> bool {
    live.first.iter().any(|problem| is_plot_name(&problem.path))
}

fn is_plot_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("plot"))
}

/// Whether there are plots, however broken.
fn has_plot_files(manifest: &Manifest) -> bool {
    let entries = manifest.plot_directories.iter().filter_map(|folder| folder.read_dir().ok());
    entries.flatten().flatten().any(|entry| is_plot_name(&entry.path()))
}

fn make(target: PathBuf, bytes: u64, key: &SecretKey, output: &Output) -> Result<(), Failure> {
    let spec = CreateSpec {
        target,
        key: key.plot_key(),
        seed: None,
        leaf_count: (bytes / Leaf::SIZE as u64).max(1),
        cache_levels: CacheLevels::Auto,
        memory: DEFAULT_MEMORY,
    };
    let made = create(&spec, &Progress { output });
    output.progress("");
    made.map(drop).map_err(|error| {
        let exit = match error {
            CreateError::NoRoom { .. } => Exit::NoSpace,
            _ => Exit::Plot,
        };
        Failure::new(exit, error)
    })
}

struct Progress<'a> {
    output: &'a Output,
}

impl CreateWatch for Progress<'_> {
    fn event(&self, event: CreateEvent) {
        if let CreateEvent::Progress { done, total } = event {
            let percent = done.saturating_mul(100) / total.max(1);
            self.output.progress(format_args!("making the first plot: {percent} %"));
        }
    }
}
