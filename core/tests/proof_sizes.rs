//! What a proof reads of plots from 2^10 to 2^35 leaves. A process of its own:
//! its counters are the system's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/sparse.rs"]
mod sparse;

use std::{
    fs::{self, File},
    io::Read,
};

use spacetime_core::{
    plots::{CacheState, PlotFile},
    proof::prove,
};
use spacetime_protocol::Leaf;

/// Reads that this process has made, from wherever, and their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reads {
    count: u64,
    bytes: u64,
}

impl Reads {
    /// What the system has counted, and how long its answer was.
    fn so_far() -> (Self, u64) {
        let mut answer = [0; 1024];
        let len = File::open("/proc/self/io").unwrap().read(&mut answer).unwrap();
        let io = std::str::from_utf8(&answer[..len]).unwrap();
        let value = |name| io.lines().find_map(|line| line.strip_prefix(name));
        let number = |name| value(name).unwrap().trim().parse().unwrap();
        (Self { count: number("syscr:"), bytes: number("rchar:") }, len as u64)
    }

    fn of(work: impl FnOnce()) -> Self {
        // The first answer is one read, too.
        let (before, own) = Self::so_far();
        work();
        let (after, _) = Self::so_far();
        Self { count: after.count - before.count - 1, bytes: after.bytes - before.bytes - own }
    }
}

/// One read of the leaf's subtree, and one node of each level of the cache;
/// before the first one, the cache's structure, a read for each level.
#[test]
fn a_proof_reads_one_subtree_and_one_node_per_level_of_any_plot() {
    let folder = tempfile::tempdir().unwrap();
    for height in 10..=35_u32 {
        let leaves = sparse::leaves(height);
        let path = sparse::plot(folder.path(), height, &leaves);
        let plot = PlotFile::open(&path).unwrap();
        let levels = u64::from(height.saturating_sub(12));
        let state = match levels {
            0 => CacheState::Absent,
            _ => CacheState::Fits { lowest_level: 12 },
        };
        assert_eq!(plot.cache_state(), state, "2^{height}");
        for (number, leaf) in leaves.into_iter().enumerate() {
            let mut proof = None;
            let read = Reads::of(|| proof = Some(prove(&plot, leaf, &Leaf::ZERO).unwrap()));
            assert_eq!(proof.unwrap().path.siblings.len() as u64, u64::from(height));
            let subtree = 32 << height.min(12);
            let wanted = Reads { count: 1 + levels, bytes: subtree + 32 * levels };
            assert!(wanted.bytes <= 136 << 10, "it is little: {wanted:?}");
            if number == 0 {
                // The plot's header, once more, when its file is opened.
                let count = read.count - wanted.count;
                assert!(count <= 2 + levels && read.bytes - wanted.bytes < 1 << 10, "{read:?}");
            } else {
                assert_eq!(read, wanted, "leaf {leaf} of 2^{height}");
            }
        }
        fs::remove_file(&path).unwrap();
    }
}
