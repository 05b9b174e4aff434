//! Reading a plot that the system has not in memory.

use std::path::Path;

use spacetime_protocol::Leaf;

use super::{
    Bench, BenchError, Part, Row, Unit,
    files::{make_cold, read_through},
    scan::{open, scanner, whole},
    turns::{Contest, try_rate},
};
use crate::scan::Io;

/// A scan of a plot from its drive, through the system's memory, past it and
/// within it, beside reading the file from front to back.
///
/// # Errors
///
/// The plot cannot be read.
pub fn drive(bench: Bench<'_>, plot: &Path) -> Result<Vec<Row>, BenchError> {
    let ways = [(Io::Buffered, "buffered"), (Io::Direct, "direct"), (Io::Mmap, "mmap")];
    ways.into_iter().map(|(io, name)| one_way(bench, plot, io, name)).collect()
}

fn one_way(bench: Bench<'_>, plot: &Path, io: Io, way: &str) -> Result<Row, BenchError> {
    let name = format!("scan from the drive, {way}, {} workers", bench.workers);
    let contest = Contest {
        part: Part::Drive,
        name: &name,
        unit: Unit::Bytes,
        baseline: "the file read in order, 1 MiB at a time",
    };
    let (scanner, plots) = (scanner(bench.workers)?, open(plot)?);
    scanner.set_io(io);
    let scanned = || {
        make_cold(plot)?;
        whole(&scanner, &plots).map(|leaves| leaves * Leaf::SIZE as f64)
    };
    let read = || {
        make_cold(plot)?;
        let len = std::fs::metadata(plot).map_err(BenchError::io("read", plot))?.len();
        try_rate(len, || read_through(plot))
    };
    contest.run(bench, scanned, read)
}
