//! Looks at the folders that plots lie in, each on a thread of its own: a
//! drive that does not answer keeps nobody waiting but its own plots.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    Eligible, PlotError, PlotFile,
    cache::path_beside,
    discover::{canonical, list},
    metadata::Status,
};
use crate::stamp::FileStamp;
use crossbeam_channel::{Receiver, Sender, bounded};

/// How long a folder may take to its next answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// How often a folder says that it is at work.
const PULSE: Duration = Duration::from_millis(100);
/// Folders that are looked at, at once.
const FOLDERS: usize = 64;
/// Plots of a folder that are opened at once: enough to hide a drive's latency.
const OPENERS: usize = 8;
/// Answers that wait to be heard.
const ANSWERS: usize = 256;

/// Open plots by canonical path.
pub(super) type Open = BTreeMap<PathBuf, Arc<PlotFile>>;

/// What is asked of one folder.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Its spellings under which it is to be searched.
    pub(super) searched: Vec<PathBuf>,
    /// The plots that are recorded there.
    pub(super) recorded: Vec<Recorded>,
    /// Which plots are wanted.
    pub(super) eligible: Eligible,
}

/// A plot that the metadata tell of.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) path: PathBuf,
    /// Number of its record.
    pub(super) entry: usize,
    /// Where its cache lies, as far as that is recorded.
    pub(super) cache: Option<PathBuf>,
}

/// A file that may be a plot, and what it was found to be.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) canonical: PathBuf,
    pub(super) given: PathBuf,
    /// Its records.
    pub(super) entries: Vec<usize>,
    pub(super) look: Look,
}

/// What was found at a path.
#[derive(Debug)]
pub(super) enum Look {
    Usable { plot: Arc<PlotFile>, has_cache: bool },
    Unusable { error: PlotError, status: Status, len: u64 },
}

/// What a folder answers.
pub(super) enum Answer {
    /// It is at work.
    Alive,
    /// It cannot be searched.
    Unsearched(PathBuf, io::Error),
    /// The plot with this number.
    Found(usize, Found),
    /// That was all.
    End,
}

/// Hears an answer; `false`: there is nobody who wants to hear more.
pub(super) type Tell<'a> = &'a (dyn Fn(Answer) -> bool + Sync);

/// All answers.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Recorded plots first, then by folder and name.
    pub(super) found: Vec<Found>,
    pub(super) unsearched: Vec<(PathBuf, io::Error)>,
    /// Folders that do not answer.
    pub(super) silent: HashSet<PathBuf>,
}

/// Looks at folders.
#[derive(Debug)]
pub(super) struct Looker {
    look: fn(&Place, &Open, Tell<'_>),
    deadline: Duration,
    /// Looks that were given up and have not ended.
    hanging: HashMap<PathBuf, JoinHandle<()>>,
}

impl Default for Looker {
    fn default() -> Self {
        Self::new(look_at, DEADLINE)
    }
}

/// A look that goes on.
struct Running {
    folder: PathBuf,
    thread: JoinHandle<()>,
    until: Instant,
}

impl Looker {
    pub(super) fn new(look: fn(&Place, &Open, Tell<'_>), deadline: Duration) -> Self {
        Self { look, deadline, hanging: HashMap::new() }
    }

    /// How long a folder may take to its next answer.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Asks all folders, several at once, and gives up those that do not
    /// answer. A folder whose last look still hangs is not asked again.
    pub(super) fn ask(&mut self, places: BTreeMap<PathBuf, Place>, open: &Arc<Open>) -> Survey {
        self.hanging.retain(|_, thread| !thread.is_finished());
        let (speak, hear) = bounded(ANSWERS);
        let mut survey = Survey::default();
        let (hung, mut waiting): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|(folder, _)| self.hanging.contains_key(folder));
        survey.silent.extend(hung.into_iter().map(|(folder, _)| folder));
        waiting.reverse();
        let mut running = HashMap::new();
        let mut found = Vec::new();
        let mut next = 0;
        loop {
            while running.len() < FOLDERS
                && let Some((folder, place)) = waiting.pop()
            {
                match self.start(next, folder.clone(), place, open, &speak) {
                    Ok(look) => drop(running.insert(next, look)),
                    Err(error) => survey.unsearched.push((folder, error)),
                }
                next += 1;
            }
            if running.is_empty() {
                break;
            }
            self.hear(&hear, &mut running, &mut found, &mut survey);
        }
        found.sort_by_key(|(place, number, plot): &(_, _, Found)| {
            (plot.entries.is_empty(), *place, *number)
        });
        survey.found = found.into_iter().map(|(.., plot)| plot).collect();
        survey
    }

    fn start(
        &self,
        number: usize,
        folder: PathBuf,
        place: Place,
        open: &Arc<Open>,
        speak: &Sender<(usize, Answer)>,
    ) -> io::Result<Running> {
        let (look, open, speak) = (self.look, open.clone(), speak.clone());
        let work = move || {
            let tell = |answer| speak.send((number, answer)).is_ok();
            look(&place, &open, &tell);
            tell(Answer::End);
        };
        let thread = thread::Builder::new().name("plot-folder".to_owned()).spawn(work)?;
        Ok(Running { folder, thread, until: Instant::now() + self.deadline })
    }

    /// Hears one answer, or gives up who should have answered by now.
    fn hear(
        &mut self,
        hear: &Receiver<(usize, Answer)>,
        running: &mut HashMap<usize, Running>,
        found: &mut Vec<(usize, usize, Found)>,
        survey: &mut Survey,
    ) {
        let Some(until) = running.values().map(|look| look.until).min() else { return };
        let Ok((place, answer)) = hear.recv_deadline(until) else {
            let now = Instant::now();
            for (_, look) in running.extract_if(|_, look| look.until <= now) {
                survey.silent.insert(look.folder.clone());
                self.hanging.insert(look.folder, look.thread);
            }
            return;
        };
        if let Some(look) = running.get_mut(&place) {
            look.until = Instant::now() + self.deadline;
        }
        match answer {
            Answer::Alive => {}
            Answer::Unsearched(folder, error) => survey.unsearched.push((folder, error)),
            Answer::Found(number, plot) => found.push((place, number, plot)),
            Answer::End => drop(running.remove(&place)),
        }
    }
}

/// A file to be looked at.
struct Candidate {
    canonical: PathBuf,
    given: PathBuf,
    entries: Vec<usize>,
    cache: Option<PathBuf>,
}

/// Searches a folder and opens its plots, several at once.
pub(super) fn look_at(place: &Place, open: &Open, tell: Tell<'_>) {
    let Some(candidates) = candidates(place, tell) else { return };
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(Candidate { canonical, given, entries, cache }) = candidates.get(number)
            else {
                return;
            };
            let look = look(given, cache.as_deref(), open.get(canonical), &place.eligible);
            let (canonical, given) = (canonical.clone(), given.clone());
            let found = Found { canonical, given, entries: entries.clone(), look };
            if !tell(Answer::Found(number, found)) {
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..OPENERS.min(candidates.len()) {
            // What is not to be had is not needed: this thread works, too.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

/// Everything that is recorded or lies in a folder, once each; `None`: nobody
/// wants to know.
fn candidates(place: &Place, tell: Tell<'_>) -> Option<Vec<Candidate>> {
    let pulse = Pulse::of(tell);
    let mut listed: Vec<(PathBuf, PathBuf)> = Vec::new();
    for folder in &place.searched {
        let its_own = canonical(folder);
        match list(folder, || {
            pulse.beat();
        }) {
            Ok(found) => {
                for file in found {
                    let canonical = file.canonical(&its_own);
                    listed.push((file.path, canonical));
                    pulse.beat().then_some(())?;
                }
            }
            Err(error) => drop(tell(Answer::Unsearched(folder.clone(), error))),
        }
    }
    // What was found under the name that is recorded need not be looked up.
    let known: HashMap<&Path, &Path> =
        listed.iter().map(|(given, canonical)| (&**given, &**canonical)).collect();
    let recorded = place.recorded.iter().map(|recorded| {
        let known = known.get(&*recorded.path).map(|path| (*path).to_owned());
        let canonical = known.unwrap_or_else(|| canonical(&recorded.path));
        (recorded.path.clone(), canonical, Some(recorded))
    });
    let found = listed.iter().map(|(given, canonical)| (given.clone(), canonical.clone(), None));
    let mut seen = HashMap::new();
    let mut candidates: Vec<Candidate> = Vec::new();
    for (given, canonical, recorded) in recorded.chain(found) {
        let next = candidates.len();
        let at = *seen.entry(canonical.clone()).or_insert(next);
        if at == next {
            let cache = recorded.and_then(|recorded| recorded.cache.clone());
            candidates.push(Candidate { canonical, given, entries: Vec::new(), cache });
        }
        candidates[at].entries.extend(recorded.map(|recorded| recorded.entry));
        pulse.beat().then_some(())?;
    }
    Some(candidates)
}

/// Says that a look is at work, now and then: ten thousand times would take
/// longer than the work.
struct Pulse<'a> {
    tell: Tell<'a>,
    last: Cell<Instant>,
}

impl<'a> Pulse<'a> {
    fn of(tell: Tell<'a>) -> Self {
        Self { tell, last: Cell::new(Instant::now()) }
    }

    /// Something was done; whether more is wanted.
    fn beat(&self) -> bool {
        let now = Instant::now();
        if now - self.last.get() < PULSE {
            return true;
        }
        self.last.set(now);
        (self.tell)(Answer::Alive)
    }
}

/// A plot that has not changed stays the object that it is.
fn look(
    path: &Path,
    cache: Option<&Path>,
    open: Option<&Arc<PlotFile>>,
    eligible: &Eligible,
) -> Look {
    let cache = cache.map_or_else(|| path_beside(path), Path::to_owned);
    let unchanged = open.filter(|plot| {
        plot.cache_path() == cache
            && fs::metadata(path).is_ok_and(|now| FileStamp::of(&now) == plot.stamp())
    });
    let plot = match unchanged {
        Some(plot) => Ok(plot.clone()),
        None => PlotFile::open_with_cache(path, &cache)
            .and_then(|plot| eligible.take(plot))
            .map(Arc::new),
    };
    match plot {
        Ok(plot) => Look::Usable { plot, has_cache: cache.exists() },
        Err(error) => Look::unusable(path, error),
    }
}

impl Look {
    fn unusable(path: &Path, error: PlotError) -> Self {
        // A link that leads nowhere is there, and of no use.
        let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
        let status = match &error {
            PlotError::OtherKey { .. } | PlotError::TooSmall { .. } => Status::Valid,
            error if error.is_missing() && !is_link => Status::Missing,
            _ => Status::Corrupted,
        };
        let len = fs::metadata(path).map_or(0, |metadata| metadata.len());
        Self::Unusable { error, status, len }
    }
}
