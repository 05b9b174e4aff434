//! How fast plots are scanned: by the scanner, from memory and from a file in
//! the page cache, and one leaf at a time with `sha2`, as a baseline.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

use std::{
    fs::File,
    io::Write,
    num::NonZeroUsize,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use divan::{Bencher, counter::BytesCount};
use sha2::{Digest, Sha256};
use spacetime_core::scan::{
    BuiltIn, Hasher, LeafSource, Planner, Plots, ReadError, ScanSpec, Scanner, scan_once,
};
use spacetime_kernels::Kernels;
use spacetime_protocol::{Challenge, PlotSeed};

const LEAVES: usize = 1 << 20;

fn main() {
    divan::main();
}

enum Source {
    Memory(Vec<u8>),
    File(File),
}

impl LeafSource for Source {
    fn leaf_count(&self) -> u64 {
        LEAVES as u64
    }

    fn id(&self) -> PlotSeed {
        PlotSeed::ZERO
    }

    fn drive(&self) -> u64 {
        0
    }

    fn path(&self) -> &Path {
        Path::new("plot")
    }

    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), ReadError> {
        let at = first * 32;
        match self {
            Self::Memory(leaves) => out.copy_from_slice(&leaves[at as usize..][..out.len()]),
            Self::File(file) => {
                file.read_exact_at(out, at).map_err(|error| ReadError(error.to_string()))?;
            }
        }
        Ok(())
    }
}

fn leaves() -> Vec<u8> {
    let mut leaves = vec![0; LEAVES * 32];
    Kernels::detect().generate(&[1; 32], &[2; 32], 0, &mut leaves);
    leaves
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plot");
    File::create(&path).unwrap().write_all(&leaves()).unwrap();
    (folder, path)
}

fn scan(bencher: Bencher<'_, '_>, source: Source) {
    let hasher = Hasher::new(Kernels::detect(), None);
    let planner = Planner::new(Arc::new(BuiltIn));
    let scanner = Scanner::new(planner, hasher, NonZeroUsize::MIN, None).unwrap();
    let plots: Plots = Arc::new([Arc::new(source) as Arc<dyn LeafSource>]);
    let spec = ScanSpec::lone(0, Challenge::new([3; 32]));
    bencher
        .counter(BytesCount::new(LEAVES * 32))
        .bench_local(|| scan_once(&scanner, spec.clone(), plots.clone()).best);
}

#[divan::bench]
fn scanner_from_memory(bencher: Bencher<'_, '_>) {
    scan(bencher, Source::Memory(leaves()));
}

#[divan::bench]
fn scanner_from_page_cache(bencher: Bencher<'_, '_>) {
    let (_folder, path) = file();
    scan(bencher, Source::File(File::open(path).unwrap()));
}

#[divan::bench]
fn one_by_one_with_sha2(bencher: Bencher<'_, '_>) {
    let leaves = leaves();
    bencher.counter(BytesCount::new(leaves.len())).bench_local(|| {
        let score = |leaf: &[u8]| -> [u8; 32] {
            Sha256::new().chain_update([3; 32]).chain_update(leaf).finalize().into()
        };
        leaves.chunks_exact(32).map(score).min()
    });
}
