//! Plots for tests, and what is done to them.

use std::{
    cell::RefCell,
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use spacetime_core::{
    plots::{
        CacheLevels, CreateError, CreateEvent, CreateSpec, CreateWatch, Created, PlotFile, create,
    },
    scan::LeafSource,
};
use spacetime_protocol::{Leaf, PlotKey, PlotSeed};
use tempfile::TempDir;

/// Leaves of a plot of several subtrees, the last one with an odd number.
pub(crate) const LEAVES: u64 = 5 * 4096 + 1234;

pub(crate) const KEY: PlotKey = PlotKey::new([7; 32]);

/// Stops once so many leaves are made, and remembers what was told.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) stop_at: Option<u64>,
    pub(crate) events: RefCell<Vec<CreateEvent>>,
    done: RefCell<u64>,
}

impl Watch {
    pub(crate) fn stopping_at(leaves: u64) -> Self {
        Self { stop_at: Some(leaves), ..Self::default() }
    }

    /// Leaves that were made while it watched.
    pub(crate) fn made(&self) -> u64 {
        let from = self.events.borrow().iter().find_map(|event| match event {
            CreateEvent::Progress { done, .. } => Some(*done),
            _ => None,
        });
        *self.done.borrow() - from.unwrap_or_default()
    }

    pub(crate) fn resumed(&self) -> bool {
        self.events.borrow().iter().any(|event| matches!(event, CreateEvent::Resumed { .. }))
    }

    pub(crate) fn started_again(&self) -> Option<String> {
        self.events.borrow().iter().find_map(|event| match event {
            CreateEvent::StartedAgain { reason } => Some(reason.clone()),
            _ => None,
        })
    }
}

impl CreateWatch for Watch {
    fn event(&self, event: CreateEvent) {
        if let CreateEvent::Progress { done, .. } = event {
            *self.done.borrow_mut() = done;
        }
        self.events.borrow_mut().push(event);
    }

    fn is_stopped(&self) -> bool {
        self.stop_at.is_some_and(|stop| *self.done.borrow() >= stop)
    }
}

pub(crate) fn spec(target: &Path, leaf_count: u64) -> CreateSpec {
    CreateSpec {
        target: target.to_owned(),
        key: KEY,
        seed: Some(PlotSeed::new([9; 32])),
        leaf_count,
        cache_levels: CacheLevels::Auto,
        memory: 1 << 20,
    }
}

pub(crate) fn make(spec: &CreateSpec) -> Created {
    create(spec, &Watch::default()).unwrap()
}

pub(crate) fn stopped(spec: &CreateSpec, at: u64) {
    let error = create(spec, &Watch::stopping_at(at)).unwrap_err();
    assert!(matches!(error, CreateError::Stopped { .. }), "{error}");
}

/// A plot of [`LEAVES`] leaves in a folder of its own.
pub(crate) fn plot(cache_levels: CacheLevels) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.plot");
    make(&CreateSpec { cache_levels, ..spec(&path, LEAVES) });
    (folder, path)
}

pub(crate) fn leaf(plot: &PlotFile, index: u64) -> Leaf {
    let mut leaf = [0; 32];
    plot.read(index, &mut leaf).unwrap();
    leaf.into()
}

/// Flips a bit of a file.
pub(crate) fn flip(path: &Path, offset: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

/// Names of all files of a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
