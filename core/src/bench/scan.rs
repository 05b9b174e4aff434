//! Scoring leaves: the kernels on one core, and the scanner on all.

use std::{convert::Infallible, num::NonZeroUsize, path::Path, sync::Arc};

use sha2::{Digest, Sha256};
use spacetime_protocol::{Challenge, Leaf};

use super::{
    Bench, BenchError, Part, Row, Unit,
    files::read_through,
    turns::{Contest, rate, try_rate},
};
use crate::{
    kernels,
    plots::PlotFile,
    scan::{BuiltIn, Hasher, LeafSource, Planner, Plots, ScanSpec, Scanner, scan_once},
};

const CHALLENGE: [u8; 32] = [0x5A; 32];

/// Leaves that the kernels score at a time: 1 MiB of them, as the scanner does.
const LEAVES: u64 = 1 << 15;

/// How often that, where it is to last.
const AT_ONCE: u64 = 32;

/// The same for plain `sha2`.
const FEW: u64 = 1 << 12;

/// The kernels beside `sha2` one hash at a time; and a scan of a plot that the
/// system has in its memory beside the kernels' rate times the cores.
///
/// # Errors
///
/// The plot cannot be read.
pub fn scan(bench: Bench<'_>, plot: &Path) -> Result<Vec<Row>, BenchError> {
    let (kernels, leaves) = (kernels::in_use(), leaves());
    let score = || rate(LEAVES, || kernels.scan(&CHALLENGE, &leaves, &[0xFF; 32]));
    let name = format!("score, one core, {}", kernels.name());
    let contest = Contest {
        part: Part::Scan,
        name: &name,
        unit: Unit::Leaves,
        baseline: "sha2, one hash at a time",
    };
    let one_by_one = || rate(FEW, || best_by_sha2(&leaves[..FEW as usize * Leaf::SIZE]));
    let Ok(kernel) = contest.run::<Infallible>(bench, || Ok(score()), || Ok(one_by_one()));

    let name = format!("scan of a cached plot, {} workers", bench.workers);
    let contest = Contest {
        part: Part::Scan,
        name: &name,
        unit: Unit::Leaves,
        baseline: "the kernels' rate on one core, times the workers",
    };
    let (scanner, plots) = (scanner(bench.workers)?, open(plot)?);
    read_through(plot)?;
    // As long as a few batches of each worker take.
    let together = || {
        let all = || {
            let best = |_| kernels.scan(&CHALLENGE, &leaves, &[0xFF; 32]);
            (0..AT_ONCE).map(best).collect::<Vec<_>>()
        };
        Ok(rate(AT_ONCE * LEAVES, all) * bench.workers as f64)
    };
    let whole = contest.run(bench, || whole(&scanner, &plots), together)?;
    Ok(vec![kernel, whole])
}

/// As many leaves a second as a scan of all plots does.
pub(super) fn whole(scanner: &Scanner, plots: &Plots) -> Result<f64, BenchError> {
    let leaves = plots.iter().map(|plot| plot.leaf_count()).sum();
    try_rate(leaves, || {
        let outcome =
            scan_once(scanner, ScanSpec::lone(0, Challenge::new(CHALLENGE)), plots.clone());
        match outcome.failed_plots.into_iter().next() {
            Some((_, error)) => Err(error.into()),
            None => Ok(outcome.best),
        }
    })
}

pub(super) fn scanner(workers: usize) -> Result<Scanner, BenchError> {
    let hasher = Hasher::new(kernels::in_use(), None);
    let planner = Planner::new(Arc::new(BuiltIn));
    Scanner::new(planner, hasher, NonZeroUsize::MIN, NonZeroUsize::new(workers))
        .map_err(BenchError::Scanner)
}

pub(super) fn open(plot: &Path) -> Result<Plots, BenchError> {
    let plot: Arc<dyn LeafSource> = Arc::new(PlotFile::open(plot)?);
    Ok(Arc::new([plot]))
}

fn leaves() -> Vec<u8> {
    let mut leaves = vec![0; LEAVES as usize * Leaf::SIZE];
    kernels::in_use().generate(&[0xA5; 32], &[0x3C; 32], 0, &mut leaves);
    leaves
}

fn best_by_sha2(leaves: &[u8]) -> Option<[u8; 32]> {
    let scores = leaves
        .chunks_exact(Leaf::SIZE)
        .map(|leaf| Sha256::new().chain_update(CHALLENGE).chain_update(leaf).finalize().into());
    scores.min()
}
