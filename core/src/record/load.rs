//! Reads a record: both files, the older one first. What is damaged is left
//! out and counted: a power cut may leave half a line.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use thiserror::Error;

use super::{
    entry::{Entry, FORMAT, Line, PlotList, Run},
    older,
};
use crate::{replay::Challenges, scan::ScenePlot};

/// No line is longer; what is, is damaged.
const LONGEST: u64 = 64 << 20;

/// No machine has more workers, or readers of a drive.
const MOST_THREADS: usize = 1 << 16;

/// What is known of challenges.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The challenges, oldest first.
    pub challenges: Vec<Recorded>,
    /// Lines that could not be read.
    pub damaged: u64,
    /// Whether the last line is one of them.
    pub is_cut: bool,
}

/// A recorded challenge.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The run of the miner that it belongs to.
    pub run: Arc<Run>,
    /// Its plots.
    pub plots: PlotList,
    /// What happened.
    pub entry: Entry,
}

/// Why a record cannot be read.
#[derive(Debug, Error)]
pub enum LoadError {
    /// There is none.
    #[error(
        "there is no record {0}: `run` writes one, unless the manifest says `record: (enabled: false)`"
    )]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("cannot read the record {file}: {error}")]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is newer than this program.
    #[error(
        "the record {file} is of format {found}, and this program reads formats up to {FORMAT}: \
         use the version that wrote it, or a newer one"
    )]
    TooNew {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u64,
    },
}

/// Reads a record; of more challenges than `last` the newest ones.
///
/// # Errors
///
/// See [`LoadError`].
pub fn load(file: &Path, last: usize) -> Result<Record, LoadError> {
    // This one first: it may become the older one meanwhile.
    let newer = open(file)?;
    let older_file = older(file);
    let older = open(&older_file)?;
    if newer.is_none() && older.is_none() {
        return Err(LoadError::Missing(file.to_owned()));
    }
    let mut reading = Reading { last, ..Reading::default() };
    for (path, file) in [(&*older_file, older), (file, newer)] {
        if let Some(file) = file {
            reading.read(path, file)?;
        }
    }
    let Reading { challenges, damaged, is_cut, .. } = reading;
    Ok(Record { challenges: challenges.into(), damaged, is_cut })
}

/// Whether bytes are a record of which something can be read.
pub(crate) fn is_record(bytes: &[u8]) -> bool {
    let mut reading = Reading { last: usize::MAX, ..Reading::default() };
    let read = reading.read(Path::new("challenges.jsonl"), bytes);
    // What is taken must be fit to be worked with.
    let challenges = Challenges::of(reading.challenges.into());
    read.is_ok() && !challenges.list.is_empty()
}

fn open(file: &Path) -> Result<Option<File>, LoadError> {
    match File::open(file) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(file, error)),
    }
}

fn failed(file: &Path, error: io::Error) -> LoadError {
    LoadError::Io { file: file.to_owned(), error }
}

#[derive(Default)]
struct Reading {
    last: usize,
    run: Option<Arc<Run>>,
    plots: Option<PlotList>,
    challenges: VecDeque<Recorded>,
    /// The newest scan of each run.
    newest: BTreeMap<String, u64>,
    damaged: u64,
    is_cut: bool,
}

impl Reading {
    fn read(&mut self, path: &Path, file: impl Read) -> Result<(), LoadError> {
        let mut lines = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = lines.by_ref().take(LONGEST).read_until(b'\n', &mut line);
            if length.map_err(|error| failed(path, error))? == 0 {
                return Ok(());
            }
            let is_whole = line.pop_if(|last| *last == b'\n').is_some();
            if is_whole && line.is_empty() {
                continue;
            }
            let taken = is_whole && self.take(path, &line)?;
            self.is_cut = !taken;
            if !taken {
                self.damaged += 1;
                self.forget_head(&line);
            }
        }
    }

    /// Takes a line; whether it could be read.
    fn take(&mut self, path: &Path, line: &[u8]) -> Result<bool, LoadError> {
        match serde_json::from_slice(line) {
            Ok(Line::Run(run)) if run.record <= FORMAT => {
                if !is_machine(&run) {
                    return Ok(false);
                }
                (self.run, self.plots) = (Some(Arc::new(run)), None);
            }
            Ok(Line::Plots { plots }) => {
                let plot = |(id, leaf_count, drive)| ScenePlot { id, leaf_count, drive };
                self.plots = Some(plots.into_iter().map(plot).collect());
            }
            Ok(Line::Challenge(entry)) => return Ok(self.add(*entry)),
            // A newer format may look different.
            Ok(Line::Run(_)) | Err(_) => return unknown(path, line),
        }
        Ok(true)
    }

    /// What is behind a damaged line may not be what was said before.
    fn forget_head(&mut self, line: &[u8]) {
        let is_run = line.starts_with(br#"{"kind":"run""#);
        if is_run {
            self.run = None;
        }
        if is_run || line.starts_with(br#"{"kind":"plots""#) {
            self.plots = None;
        }
    }

    fn add(&mut self, entry: Entry) -> bool {
        // What they are about was in a line that is damaged.
        let (Some(run), Some(plots)) = (&self.run, &self.plots) else { return false };
        if !is_possible(&entry, plots) {
            return false;
        }
        // Numbers grow; a file that has just become the older one is read twice.
        let newest = self.newest.entry(run.run.clone()).or_default();
        if entry.job <= *newest {
            return true;
        }
        *newest = entry.job;
        if self.challenges.len() == self.last {
            self.challenges.pop_front();
        }
        if self.last > 0 {
            let (run, plots) = (run.clone(), plots.clone());
            self.challenges.push_back(Recorded { run, plots, entry });
        }
        true
    }
}

/// Whether a machine can have so many threads.
fn is_machine(run: &Run) -> bool {
    [run.workers, run.readers].iter().all(|count| (1..=MOST_THREADS).contains(count))
}

/// Whether an entry's positions are those of plots, which can be.
fn is_possible(entry: &Entry, plots: &PlotList) -> bool {
    let noted = &entry.noted;
    let in_reads = noted.reads.iter().map(|read| read.plot);
    let in_plans = noted.plans.iter().map(|plan| plan.plot);
    let in_best = entry.best.iter().map(|best| best.plot);
    in_reads.chain(in_plans).chain(in_best).all(|plot| plot < plots.len())
        && plots.iter().all(|plot| plot.leaf_count > 0)
        && plots
            .iter()
            .try_fold(0_i64, |sum, plot| sum.checked_add_unsigned(plot.leaf_count))
            .is_some()
}

/// A line that is none of ours: damaged, of a kind that came later, or of a
/// later format.
fn unknown(path: &Path, line: &[u8]) -> Result<bool, LoadError> {
    let Ok(line) = serde_json::from_slice::<Value>(line) else { return Ok(false) };
    let format = line.get("record").and_then(Value::as_u64);
    if let Some(found) = format.filter(|found| *found > u64::from(FORMAT)) {
        return Err(LoadError::TooNew { file: path.to_owned(), found });
    }
    let kind = line.get("kind").and_then(Value::as_str);
    Ok(kind.is_some_and(|kind| !["run", "plots", "challenge"].contains(&kind)))
}
