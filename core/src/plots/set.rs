//! The live set of plots: what the plot folders and the metadata file tell of,
//! opened and kept up to date. One bad plot never concerns the others.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt, fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use uuid::Uuid;

use super::{
    PlotError, PlotFile,
    cache::path_beside,
    discover::{canonical, plots_in},
    metadata::{Entry, Loaded, MetadataError, MetadataFile, Status, Timestamp, read_only},
    stamp::FileStamp,
};

/// Plots that are opened at once: enough to hide a drive's latency.
const OPENERS: usize = 8;

/// Something that a plot set has to report; mining goes on with the rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlotProblem {
    /// The plot, folder or metadata file.
    pub path: PathBuf,
    /// What is wrong with it, in a sentence that names it.
    pub reason: String,
}

impl fmt::Display for PlotProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// All plots of this miner.
#[derive(Debug)]
pub struct PlotSet {
    directories: Vec<PathBuf>,
    /// Where changes are written; `None`: nowhere.
    store: Option<MetadataFile>,
    metadata: PathBuf,
    entries: Vec<Entry>,
    /// By canonical path.
    open: BTreeMap<PathBuf, Arc<PlotFile>>,
    plots: Arc<[Arc<PlotFile>]>,
    /// Whether the file is older than the entries.
    unsaved: bool,
    /// What has been reported and has not gone away.
    known: HashSet<PlotProblem>,
}

impl PlotSet {
    /// Opens the plots in these folders and in the metadata file, which this
    /// set then writes. Problems of single plots and folders come with it.
    ///
    /// # Errors
    ///
    /// The metadata file is in use by another process, which the error names,
    /// or cannot be read or made.
    pub fn open(
        directories: &[PathBuf],
        metadata: &Path,
    ) -> Result<(Self, Vec<PlotProblem>), MetadataError> {
        let (store, loaded) = MetadataFile::open(metadata)?;
        Ok(Self::with(directories, metadata, Some(store), loaded))
    }

    /// The same without writing anything, beside a running miner if need be.
    ///
    /// # Errors
    ///
    /// The metadata file cannot be read.
    pub fn inspect(
        directories: &[PathBuf],
        metadata: &Path,
    ) -> Result<(Self, Vec<PlotProblem>), MetadataError> {
        let loaded = read_only(metadata)?;
        Ok(Self::with(directories, metadata, None, loaded))
    }

    /// The plots in these folders, with nothing remembered or written.
    pub fn of_folders(directories: &[PathBuf]) -> (Self, Vec<PlotProblem>) {
        Self::with(directories, Path::new(""), None, Loaded::default())
    }

    /// Strikes plots off a metadata file, or, if one of them is not in it,
    /// none; those that are not.
    ///
    /// # Errors
    ///
    /// The metadata file is in use by another process, which the error names,
    /// or cannot be read or written.
    pub fn forget(metadata: &Path, plots: &[PathBuf]) -> Result<Vec<PathBuf>, MetadataError> {
        let (mut store, Loaded { mut entries, .. }) = MetadataFile::open(metadata)?;
        let is = |entry: &Entry, plot: &Path| {
            entry.path.as_deref().is_some_and(|path| canonical(Path::new(path)) == canonical(plot))
        };
        let is_unknown = |plot: &&PathBuf| !entries.iter().any(|entry| is(entry, plot));
        let unknown: Vec<PathBuf> = plots.iter().filter(is_unknown).cloned().collect();
        if unknown.is_empty() {
            entries.retain(|entry| !plots.iter().any(|plot| is(entry, plot)));
            store.save(&entries)?;
        }
        Ok(unknown)
    }

    fn with(
        directories: &[PathBuf],
        metadata: &Path,
        store: Option<MetadataFile>,
        loaded: Loaded,
    ) -> (Self, Vec<PlotProblem>) {
        let mut set = Self {
            directories: directories.to_vec(),
            store,
            metadata: metadata.to_owned(),
            entries: loaded.entries,
            open: BTreeMap::new(),
            plots: Arc::new([]),
            unsaved: false,
            known: HashSet::new(),
        };
        let corrupt = loaded.corrupt.map(|(reason, kept)| {
            let path = metadata.display();
            let kept = kept.display();
            let reason = format!("the plot metadata {path} cannot be read: {reason}; the file is {kept} now, and made anew from the plot folders");
            PlotProblem { path: metadata.to_owned(), reason }
        });
        let problems = corrupt.into_iter().chain(set.rescan()).collect();
        (set, problems)
    }

    /// The plots that can be scanned, ordered by path. Whoever has the list
    /// may go on using it: a plot that has left the set stays open for it.
    pub fn plots(&self) -> Arc<[Arc<PlotFile>]> {
        self.plots.clone()
    }

    /// Looks for new, changed and vanished plots. Returns the problems that
    /// were not there at the last look. It reads and opens files, so it
    /// belongs on a thread of its own; nothing waits for it.
    pub fn rescan(&mut self) -> Vec<PlotProblem> {
        let mut problems = Vec::new();
        let found = self.discover(&mut problems);
        let looks = self.look_at(&found);
        let before = self.entries.clone();
        let mut open = BTreeMap::new();
        for (path, look) in found.into_iter().zip(looks) {
            self.record(&path, &look);
            match look {
                Look::Usable(plot) => {
                    open.insert(path.canonical, plot);
                }
                Look::Unusable { error, .. } => problems.push(unusable(path, &error)),
            }
        }
        self.plots = open.values().cloned().collect();
        self.open = open;
        self.unsaved |= self.entries != before;
        if self.unsaved {
            problems.extend(self.save());
        }
        let all: HashSet<PlotProblem> = problems.iter().cloned().collect();
        problems.retain(|problem| !self.known.contains(problem));
        self.known = all;
        problems
    }

    /// Everything that is recorded or lies in a folder, once each.
    fn discover(&self, problems: &mut Vec<PlotProblem>) -> Vec<Candidate> {
        let recorded = self.entries.iter().enumerate().filter_map(|(number, entry)| {
            let path = entry.path.as_deref().filter(|path| !path.trim().is_empty())?;
            Some((PathBuf::from(path), Some(number)))
        });
        let mut paths: Vec<(PathBuf, Option<usize>)> = recorded.collect();
        for folder in &self.directories {
            match plots_in(folder) {
                Ok(found) => paths.extend(found.into_iter().map(|path| (path, None))),
                Err(error) => problems.push(PlotProblem {
                    path: folder.clone(),
                    reason: format!("cannot look for plots in {}: {error}", folder.display()),
                }),
            }
        }
        let mut seen: HashMap<PathBuf, usize> = HashMap::new();
        let mut found: Vec<Candidate> = Vec::new();
        for (given, entry) in paths {
            let canonical = canonical(&given);
            let next = found.len();
            let at = *seen.entry(canonical.clone()).or_insert(next);
            if at == next {
                found.push(Candidate { canonical, given, entries: Vec::new() });
            }
            found[at].entries.extend(entry);
        }
        found
    }

    /// What has become of each, several at once.
    fn look_at(&self, found: &[Candidate]) -> Vec<Look> {
        let next = AtomicUsize::new(0);
        let looks = Mutex::new(Vec::with_capacity(found.len()));
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(candidate) = found.get(number) else { return };
                let look = self.look(candidate);
                looks.lock().unwrap_or_else(PoisonError::into_inner).push((number, look));
            }
        };
        thread::scope(|scope| {
            for _ in 0..OPENERS.min(found.len()) {
                scope.spawn(work);
            }
        });
        let mut looks = looks.into_inner().unwrap_or_else(PoisonError::into_inner);
        looks.sort_by_key(|(number, _)| *number);
        looks.into_iter().map(|(_, look)| look).collect()
    }

    /// A plot that has not changed stays the object that it is.
    fn look(&self, candidate: &Candidate) -> Look {
        let path = &candidate.given;
        let recorded = candidate.entries.first().map(|number| &self.entries[*number].cache_path);
        let cache = match recorded {
            Some(cache) if !cache.is_empty() => PathBuf::from(cache),
            _ => path_beside(path),
        };
        if let Some(plot) = self.open.get(&candidate.canonical)
            && plot.cache_path() == cache
            && fs::metadata(path).is_ok_and(|now| FileStamp::of(&now) == plot.stamp())
        {
            return Look::Usable(plot.clone());
        }
        match PlotFile::open_with_cache(path, &cache) {
            Ok(plot) => Look::Usable(Arc::new(plot)),
            Err(error) => Look::unusable(path, error),
        }
    }

    /// Brings the records of a plot up to date, its root and size included
    /// (D18), or makes one.
    fn record(&mut self, candidate: &Candidate, look: &Look) {
        for number in &candidate.entries {
            look.update(&mut self.entries[*number]);
        }
        // The file is JSON: a name that is no text is mined, but not recorded.
        if let ([], Some(path)) = (&*candidate.entries, candidate.given.to_str()) {
            let mut entry = Entry {
                id: Uuid::new_v4(),
                path: Some(path.to_owned()),
                cache_path: String::new(),
                space: fs::metadata(path).map_or(0, |metadata| bytes(metadata.len())),
                root: Vec::new(),
                created: Timestamp::now(),
                status: Status::Missing,
            };
            look.update(&mut entry);
            self.entries.push(entry);
        }
    }

    fn save(&mut self) -> Option<PlotProblem> {
        let saved = self.store.as_mut()?.save(&self.entries);
        self.unsaved = saved.is_err();
        let error = saved.err()?;
        Some(PlotProblem { path: self.metadata.clone(), reason: error.to_string() })
    }
}

fn unusable(candidate: Candidate, error: &PlotError) -> PlotProblem {
    let path = candidate.given;
    // It is known only from its record.
    let reason = match error.is_missing() && !candidate.entries.is_empty() {
        true => format!(
            "{error}; is its drive mounted? If it is gone for good: spacetime-miner plot forget {}",
            path.display()
        ),
        false => error.to_string(),
    };
    PlotProblem { path, reason }
}

/// A file that may be a plot.
struct Candidate {
    canonical: PathBuf,
    given: PathBuf,
    /// Its records.
    entries: Vec<usize>,
}

/// What was found at a path.
enum Look {
    Usable(Arc<PlotFile>),
    Unusable { error: PlotError, status: Status },
}

impl Look {
    fn unusable(path: &Path, error: PlotError) -> Self {
        // A link that leads nowhere is there, and of no use.
        let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
        let status =
            if error.is_missing() && !is_link { Status::Missing } else { Status::Corrupted };
        Self::Unusable { error, status }
    }

    fn update(&self, entry: &mut Entry) {
        match self {
            Self::Usable(plot) => {
                entry.status = Status::Valid;
                entry.root = plot.header().root.as_bytes().to_vec();
                entry.space = bytes(plot.size_bytes());
                if entry.cache_path.is_empty() && plot.cache_path().exists() {
                    let cache = plot.cache_path().to_str().unwrap_or_default();
                    cache.clone_into(&mut entry.cache_path);
                }
            }
            Self::Unusable { status, .. } => entry.status = *status,
        }
    }
}

/// A length as the metadata file holds it.
fn bytes(len: u64) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}
