//! The live set of plots: what the plot folders and the metadata file tell of,
//! opened and kept up to date. One bad plot never concerns the others.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    Eligible, PlotError, PlotFile,
    discover::{canonical, plain},
    look::{Found, Look, Looker, Open, Place, Recorded},
    metadata::{Entry, Loaded, MetadataError, MetadataFile, Status, Timestamp, read_only},
    source::LeafSource,
};

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
    open: Arc<Open>,
    plots: Arc<[Arc<PlotFile>]>,
    looker: Looker,
    /// Which plots are wanted.
    eligible: Eligible,
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
        Ok(Self::with(directories, metadata, Some(store), loaded, Looker::default()))
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
        Ok(Self::with(directories, metadata, None, loaded, Looker::default()))
    }

    /// The plots in these folders, with nothing remembered or written.
    pub fn of_folders(directories: &[PathBuf]) -> (Self, Vec<PlotProblem>) {
        Self::with(directories, Path::new(""), None, Loaded::default(), Looker::default())
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
        let canonical_of =
            |entry: &Entry| entry.path.as_deref().map(|path| canonical(Path::new(path)));
        let known: HashSet<PathBuf> = entries.iter().filter_map(canonical_of).collect();
        let unknown: Vec<PathBuf> =
            plots.iter().filter(|plot| !known.contains(&canonical(plot))).cloned().collect();
        if unknown.is_empty() {
            let gone: HashSet<PathBuf> = plots.iter().map(|plot| canonical(plot)).collect();
            entries.retain(|entry| canonical_of(entry).is_none_or(|path| !gone.contains(&path)));
            store.save(&entries)?;
        }
        Ok(unknown)
    }

    fn with(
        directories: &[PathBuf],
        metadata: &Path,
        store: Option<MetadataFile>,
        loaded: Loaded,
        looker: Looker,
    ) -> (Self, Vec<PlotProblem>) {
        let mut set = Self {
            directories: directories.to_vec(),
            store,
            metadata: metadata.to_owned(),
            entries: loaded.entries,
            open: Arc::default(),
            plots: Arc::new([]),
            looker,
            eligible: Eligible::default(),
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

    /// Sets plots aside that cannot win, from now on. Looks again; the problems
    /// that were not there before.
    pub fn keep_only(&mut self, eligible: Eligible) -> Vec<PlotProblem> {
        self.eligible = eligible;
        // All of them are to be looked at.
        self.open = Arc::default();
        self.rescan()
    }

    /// Looks for new, changed and vanished plots. Returns the problems that
    /// were not there at the last look. It reads and opens files, so it
    /// belongs on a thread of its own; nothing waits for it. A folder that
    /// gives no answer for 10 s is left as it was, and looked at again.
    pub fn rescan(&mut self) -> Vec<PlotProblem> {
        let survey = self.looker.ask(self.places(), &self.open);
        let mut problems: Vec<PlotProblem> = survey
            .unsearched
            .into_iter()
            .map(|(folder, error)| unsearched(folder, &error))
            .collect();
        problems.extend(survey.silent.iter().map(|folder| self.silent(folder)));
        let before = self.entries.clone();
        let mut open = self.left_open(&survey.silent);
        for plot in once_each(survey.found) {
            self.record(&plot);
            match plot.look {
                Look::Usable { plot: file, .. } => drop(open.insert(plot.canonical, file)),
                Look::Unusable { error, .. } => {
                    open.remove(&plot.canonical);
                    problems.push(unusable(plot.given, &error, !plot.entries.is_empty()));
                }
            }
        }
        // What has no path is nowhere.
        for entry in self.entries.iter_mut().filter(|entry| path_of(entry).is_none()) {
            entry.status = Status::Missing;
        }
        self.plots = open.values().cloned().collect();
        self.open = Arc::new(open);
        self.unsaved |= self.entries != before;
        if self.unsaved {
            problems.extend(self.save());
        }
        let all: HashSet<PlotProblem> = problems.iter().cloned().collect();
        problems.retain(|problem| !self.known.contains(problem));
        self.known = all;
        problems
    }

    /// What is to be asked of which folder.
    fn places(&self) -> BTreeMap<PathBuf, Place> {
        let mut places: BTreeMap<PathBuf, Place> = BTreeMap::new();
        for folder in &self.directories {
            places.entry(plain(folder)).or_default().searched.push(folder.clone());
        }
        for (number, entry) in self.entries.iter().enumerate() {
            let Some(path) = path_of(entry).map(PathBuf::from) else { continue };
            let cache = (!entry.cache_path.is_empty()).then(|| PathBuf::from(&entry.cache_path));
            let recorded = Recorded { entry: number, cache, path };
            places.entry(folder_of(&recorded.path)).or_default().recorded.push(recorded);
        }
        for place in places.values_mut() {
            place.eligible = self.eligible;
        }
        places
    }

    /// The open plots of folders that do not answer.
    fn left_open(&self, silent: &HashSet<PathBuf>) -> Open {
        let is_left = |plot: &PlotFile| silent.contains(&folder_of(plot.path()));
        let open = self.open.iter().filter(|(_, plot)| is_left(plot));
        open.map(|(path, plot)| (path.clone(), plot.clone())).collect()
    }

    fn silent(&self, folder: &Path) -> PlotProblem {
        let (path, seconds) = (folder.display(), self.looker.deadline().as_secs());
        let reason = format!(
            "{path} does not answer within {seconds} s: its plots stay as they were last seen; it is looked at again"
        );
        PlotProblem { path: folder.to_owned(), reason }
    }

    /// Brings the records of a plot up to date, its root and size included
    /// (D18), or makes one.
    fn record(&mut self, plot: &Found) {
        for number in &plot.entries {
            update(&mut self.entries[*number], &plot.look);
        }
        // The file is JSON: a name that is no text is mined, but not recorded.
        if let ([], Some(path)) = (&*plot.entries, plot.given.to_str()) {
            let mut entry = Entry {
                id: Uuid::new_v4(),
                path: Some(path.to_owned()),
                cache_path: String::new(),
                space: 0,
                root: Vec::new(),
                created: Timestamp::now(),
                status: Status::Missing,
            };
            if let Look::Unusable { len, .. } = plot.look {
                entry.space = bytes(len);
            }
            update(&mut entry, &plot.look);
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

/// Where a plot lies; `None` if the record does not say.
fn path_of(entry: &Entry) -> Option<&str> {
    entry.path.as_deref().filter(|path| !path.trim().is_empty())
}

/// The folder of a plot, as [`PlotSet::places`] spells it.
fn folder_of(plot: &Path) -> PathBuf {
    let path = plain(plot);
    path.parent().map_or_else(|| path.clone(), Path::to_owned)
}

/// One file that was found in several folders is one plot.
fn once_each(found: Vec<Found>) -> Vec<Found> {
    let mut seen = HashMap::new();
    let mut plots: Vec<Found> = Vec::with_capacity(found.len());
    for plot in found {
        let at = *seen.entry(plot.canonical.clone()).or_insert(plots.len());
        match plots.get_mut(at) {
            Some(same) => same.entries.extend(plot.entries),
            None => plots.push(plot),
        }
    }
    plots
}

fn unsearched(folder: PathBuf, error: &io::Error) -> PlotProblem {
    let reason = format!("cannot look for plots in {}: {error}", folder.display());
    PlotProblem { path: folder, reason }
}

fn unusable(path: PathBuf, error: &PlotError, is_recorded: bool) -> PlotProblem {
    // It is known only from its record.
    let reason = match error.is_missing() && is_recorded {
        true => format!(
            "{error}; is its drive mounted? If it is gone for good: spacetime-miner plot forget {}",
            path.display()
        ),
        false => error.to_string(),
    };
    PlotProblem { path, reason }
}

fn update(entry: &mut Entry, look: &Look) {
    match look {
        Look::Usable { plot, has_cache } => {
            entry.status = Status::Valid;
            entry.root = plot.header().root.as_bytes().to_vec();
            entry.space = bytes(plot.size_bytes());
            if entry.cache_path.is_empty() && *has_cache {
                let cache = plot.cache_path().to_str().unwrap_or_default();
                cache.clone_into(&mut entry.cache_path);
            }
        }
        Look::Unusable { status, .. } => entry.status = *status,
    }
}

/// A length as the metadata file holds it.
fn bytes(len: u64) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::{
            Condvar, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
        time::{Duration, Instant},
    };

    use spacetime_protocol::PlotKey;

    use super::{
        super::{
            CacheLevels, CreateSpec, create,
            look::{Tell, look_at},
        },
        *,
    };

    /// What a folder on a healthy drive may take on a busy machine.
    const DEADLINE: Duration = Duration::from_secs(3);

    static HANGS: Mutex<bool> = Mutex::new(false);
    static CHANGED: Condvar = Condvar::new();
    /// Looks that the drive has held up.
    static HELD: AtomicUsize = AtomicUsize::new(0);

    /// Looks at folders of which those named `hung` lie on a drive that does
    /// not answer while [`HANGS`] says so.
    fn look_at_hung(place: &Place, open: &Open, tell: Tell<'_>) {
        let mut hangs = HANGS.lock().unwrap();
        if *hangs && place.searched.iter().any(|folder| folder.ends_with("hung")) {
            HELD.fetch_add(1, Ordering::SeqCst);
            while *hangs {
                hangs = CHANGED.wait(hangs).unwrap();
            }
        }
        drop(hangs);
        look_at(place, open, tell);
    }

    fn set_hangs(hangs: bool) {
        *HANGS.lock().unwrap() = hangs;
        CHANGED.notify_all();
    }

    fn make(target: PathBuf) {
        let cache_levels = CacheLevels::Top(0);
        let key = PlotKey::new([7; 32]);
        let spec =
            CreateSpec { target, key, seed: None, leaf_count: 10, cache_levels, memory: 1 << 20 };
        create(&spec, &()).unwrap();
    }

    fn names(set: &PlotSet) -> Vec<String> {
        let plots = set.plots();
        let name = |plot: &Arc<PlotFile>| plot.path().file_stem().unwrap().to_str().unwrap().into();
        plots.iter().map(name).collect()
    }

    #[test]
    fn a_drive_that_does_not_answer_keeps_no_other_waiting() {
        let home = tempfile::tempdir().unwrap();
        let folders = ["hung", "well"].map(|name| home.path().join(name));
        for (folder, name) in folders.iter().zip(["a.plot", "b.plot"]) {
            fs::create_dir(folder).unwrap();
            make(folder.join(name));
        }
        let open = || {
            let looker = Looker::new(look_at_hung, DEADLINE);
            PlotSet::with(&folders, Path::new(""), None, Loaded::default(), looker)
        };
        let (mut set, problems) = open();
        assert_eq!((names(&set), problems.len()), (vec!["a".to_owned(), "b".to_owned()], 0));
        let first = set.plots()[0].clone();

        set_hangs(true);
        make(folders[0].join("late.plot"));
        make(folders[1].join("c.plot"));
        let told = set.rescan();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].path, folders[0]);
        assert!(told[0].reason.contains("hung does not answer within 3 s: "), "{}", told[0]);
        assert_eq!(names(&set), ["a", "b", "c"]);
        assert!(Arc::ptr_eq(&first, &set.plots()[0]), "an open plot stays as it was");
        assert!(set.rescan().is_empty(), "what was told is not told again");
        assert_eq!(names(&set), ["a", "b", "c"]);
        assert_eq!(HELD.load(Ordering::SeqCst), 1, "no second look while the first hangs");

        let (other, problems) = open();
        assert_eq!((names(&other), problems.len()), (vec!["b".to_owned(), "c".to_owned()], 1));

        set_hangs(false);
        let begin = Instant::now();
        while names(&set).len() < 4 {
            assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", set.known);
            assert!(set.rescan().is_empty());
            thread::yield_now();
        }
        assert_eq!(names(&set), ["a", "late", "b", "c"]);
        assert!(Arc::ptr_eq(&first, &set.plots()[0]));
    }
}
