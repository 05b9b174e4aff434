//! What the `plot` commands share: which key, how a plot is described, and
//! how quantities are written.

use std::{
    cell::Cell,
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::Serialize;
use spacetime_protocol::{NodeHash, PlotHeaderHash, PlotKey, PlotSeed, plot::PlotHeader};

use super::{Exit, Failure, Output, manifest::ManifestArgs};
use crate::{
    keys::{self, KeyError},
    observe::size,
    plots::PlotError,
};

/// How often the progress line changes.
const TICK: Duration = Duration::from_millis(200);

/// The key that a plot is made with.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct KeyArgs {
    /// The key file [default: the manifest's]
    #[arg(long, value_name = "FILE", conflicts_with = "plot_key")]
    key: Option<PathBuf>,
    /// The plotting key itself, as `key show` prints it: 64 hex digits
    #[arg(long, value_name = "HEX")]
    plot_key: Option<PlotKey>,
}

impl KeyArgs {
    /// The key that was named; `None`: none was.
    pub(super) fn named(&self) -> Result<Option<PlotKey>, Failure> {
        match (&self.key, self.plot_key) {
            (Some(file), _) => Ok(Some(keys::load(file)?.plot_key())),
            (None, plot_key) => Ok(plot_key),
        }
    }

    /// The key that was named, or the manifest's.
    pub(super) fn or_manifest(&self, manifest: &ManifestArgs) -> Result<PlotKey, Failure> {
        match self.named()? {
            Some(key) => Ok(key),
            None => Ok(keys::load(&manifest_key(manifest)?)?.plot_key()),
        }
    }
}

/// Where the manifest says that the key lies.
pub(super) fn manifest_key(manifest: &ManifestArgs) -> Result<PathBuf, Failure> {
    let manifest = manifest.load_if_there()?.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "no key was named and there is no miner.ron here: give --key FILE or --manifest FILE",
        )
    })?;
    Ok(manifest.private_key_path)
}

/// A plot, as `plot info` describes it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PlotDocument {
    pub(super) path: PathBuf,
    pub(super) version: u8,
    pub(super) leaves: u64,
    pub(super) leaf_size: u32,
    pub(super) height: i64,
    pub(super) root: NodeHash,
    pub(super) seed: PlotSeed,
    pub(super) size_bytes: u64,
    pub(super) header_hash: PlotHeaderHash,
}

impl PlotDocument {
    pub(super) fn of(path: PathBuf, header: &PlotHeader, size_bytes: u64) -> Self {
        Self {
            path,
            version: 1,
            leaves: header.leaf_count,
            leaf_size: header.leaf_size,
            height: header.tree_height,
            root: header.root,
            seed: header.seed,
            size_bytes,
            header_hash: header.hash(),
        }
    }
}

impl fmt::Display for PlotDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plot         {}", self.path.display())?;
        writeln!(f, "format       version {}, {} bytes per leaf", self.version, self.leaf_size)?;
        writeln!(f, "leaves       {} (tree of height {})", self.leaves, self.height)?;
        writeln!(f, "size         {} ({} bytes)", size(self.size_bytes), self.size_bytes)?;
        writeln!(f, "seed         {}", self.seed)?;
        writeln!(f, "root         {}", self.root)?;
        write!(f, "header hash  {}", self.header_hash)
    }
}

/// A progress line that does not change more often than people can read.
pub(super) struct Ticker<'a> {
    output: &'a Output,
    shown: Cell<Option<Instant>>,
}

impl<'a> Ticker<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self { output, shown: Cell::new(None) }
    }

    /// Shows a text, unless the one before is too new or nobody watches.
    pub(super) fn show(&self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        let is_recent = self.shown.get().is_some_and(|shown| now - shown < TICK);
        if !is_recent && self.output.shows_progress() {
            self.shown.set(Some(now));
            self.output.progress(text());
        }
    }
}

/// Shows how far something is that goes through bytes, with rate and time left.
pub(super) struct Pace<'a> {
    ticker: Ticker<'a>,
    /// When it began, and with how many bytes done.
    began: Cell<Option<(Instant, u64)>>,
}

impl<'a> Pace<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self { ticker: Ticker::new(output), began: Cell::new(None) }
    }

    /// Something else begins.
    pub(super) fn start_over(&self) {
        self.began.set(None);
    }

    /// `what` stands before the amounts.
    pub(super) fn show(&self, what: &str, done: u64, total: u64) {
        let now = Instant::now();
        let (began, from) = self.began.get().unwrap_or((now, done));
        self.began.set(Some((began, from)));
        self.ticker.show(|| {
            let rate = (done - from) as f64 / (now - began).as_secs_f64().max(1e-9);
            let pace = if done > from {
                let left = Duration::from_secs_f64(((total - done) as f64 / rate).min(1e9));
                format!(", {}/s, {} left", size(rate as u64), Clock(left))
            } else {
                String::new()
            };
            let (percent, done, total) = (percent(done, total), size(done), size(total));
            format!("{percent:>3} %  {what}{done} of {total}{pace}")
        });
    }
}

/// A share in per cent, rounded down: 100 is only for all.
pub(super) fn percent(done: u64, total: u64) -> u64 {
    u64::try_from(u128::from(done) * 100 / u128::from(total.max(1))).unwrap_or(100)
}

/// A duration for people.
pub(super) struct Clock(pub(super) Duration);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, _) => write!(f, "{:.1} s", self.0.as_secs_f64()),
            (0, minutes, seconds) => write!(f, "{minutes} min {seconds:02} s"),
            (hours, minutes, _) => write!(f, "{hours} h {minutes:02} min"),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(Exit::Key, error)
    }
}

impl From<PlotError> for Failure {
    fn from(error: PlotError) -> Self {
        Self::new(Exit::Plot, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let texts =
            [1500, 61_000, 7_260_000].map(|ms| Clock(Duration::from_millis(ms)).to_string());
        assert_eq!(texts, ["1.5 s", "1 min 01 s", "2 h 01 min"]);
        assert_eq!([percent(0, 0), percent(999, 1000), percent(1, 1)], [0, 99, 100]);
    }
}
