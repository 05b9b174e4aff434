//! Plots larger than the memory that scanning them may take: sparse files of
//! zero leaves, with the right root and cache.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use spacetime_core::{
    plots::{PlotFile, cache_path_beside},
    scan::{
        BuiltIn, Component, Found, Hasher, Planner, Plots, ReadError, Report, ScanJob, ScanSpec,
        Scanner,
    },
};
use spacetime_kernels::Kernels;
use spacetime_protocol::{
    Challenge, NodeHash, PlotSeed,
    cache::{CacheLayout, auto_top_levels},
    merkle,
    plot::PlotHeader,
};
use spacetime_sdk_loader::Fault;

/// A plot of `1 << height` zero leaves that takes no room.
fn sparse_plot(folder: &Path, height: u32) -> PathBuf {
    let path = folder.join("large.plot");
    let mut levels = vec![merkle::leaf_hash(&[0; 32])];
    for level in 0..height as usize {
        levels.push(merkle::node_hash(&levels[level], &levels[level]));
    }
    let header = PlotHeader::new(PlotSeed::new([1; 32]), 1 << height, levels[height as usize]);
    let mut file = File::create(&path).unwrap();
    file.write_all(&header.encode()).unwrap();
    file.set_len(header.file_len().unwrap()).unwrap();
    write_cache(&cache_path_beside(&path), 1 << height, &levels);
    path
}

fn write_cache(path: &Path, leaf_count: u64, levels: &[NodeHash]) {
    let layout = CacheLayout::new(leaf_count, auto_top_levels(leaf_count)).unwrap();
    let mut file = File::create(path).unwrap();
    file.write_all(&layout.header()).unwrap();
    for level in layout.levels() {
        let (offset, header) = layout.level_header(level);
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.write_all(&header).unwrap();
        let count = usize::try_from(layout.level_len(level)).unwrap();
        file.write_all(&levels[level as usize].as_bytes().repeat(count)).unwrap();
    }
    assert_eq!(file.stream_position().unwrap(), layout.file_len());
}

/// The most memory that the miner ever held is bounded by its buffers, not by
/// the plot: a quarter of four gibibytes would not fit either.
#[test]
#[cfg(target_os = "linux")]
fn a_large_plot_is_scanned_in_little_memory() {
    use spacetime_tests::{artifacts::program, process::Running};
    let folder = tempfile::tempdir().unwrap();
    let plot = sparse_plot(folder.path(), 25);
    let mut command = std::process::Command::new(program("spacetime-miner"));
    command.args(["prove", "--json", "--challenge", &"07".repeat(32), "--plot"]).arg(plot);
    let running = Running::start(command);
    let status = format!("/proc/{}/status", running.id());
    let watcher = std::thread::spawn(move || {
        let mut most = 0;
        // It only grows, and its file goes with the process.
        while let Some(kib) = std::fs::read_to_string(&status).ok().and_then(|text| peak(&text)) {
            most = most.max(kib);
            std::thread::yield_now();
        }
        most
    });
    let ended = running.wait();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.document()["scanned"], 1 << 25);
    let most = watcher.join().unwrap();
    assert!((1..96 << 10).contains(&most), "{most} KiB");
}

/// The peak of resident memory in KiB; none once the process has ended.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Notes when the scan was reported as ended.
#[derive(Default)]
struct End(Mutex<Option<Instant>>);

impl Report for End {
    fn best(&self, _: &ScanJob, _: &Found) {}

    fn plot_failed(&self, _: &ScanJob, _: usize, error: &ReadError) {
        panic!("{error}");
    }

    fn component_failed(&self, _: &ScanJob, _: Component, fault: &Fault) {
        panic!("{fault}");
    }

    fn finished(&self, _: &ScanJob) {
        *self.0.lock().unwrap() = Some(Instant::now());
    }
}

/// How long after a cancel leaves of the old scan are still being counted.
fn time_to_stop(scanner: &Scanner, plots: &Plots, id: u64) -> Duration {
    let challenge = Challenge::new([u8::try_from(id).unwrap(); 32]);
    let end = Arc::new(End::default());
    let job = scanner.start(ScanSpec::lone(id, challenge), plots.clone(), end.clone());
    let patience = Instant::now() + Duration::from_secs(60);
    while job.coverage().scanned < 1 << 17 {
        assert!(Instant::now() < patience, "the scan makes no progress");
        std::thread::yield_now();
    }
    let cancelled = Instant::now();
    job.cancel();
    let mut last = (job.coverage().scanned, cancelled);
    while last.1.elapsed() < Duration::from_millis(50) {
        let scanned = job.coverage().scanned;
        if scanned != last.0 {
            last = (scanned, Instant::now());
        }
    }
    assert!(last.0 < 1 << 27, "it was cancelled, not finished");
    let told = end.0.lock().unwrap().expect("the end is told");
    last.1.max(told).duration_since(cancelled)
}

/// The machine may be busy with other things, so the quickest of some counts.
#[test]
fn a_scan_of_four_gibibytes_stops_within_ten_milliseconds() {
    let folder = tempfile::tempdir().unwrap();
    let plot = PlotFile::open(&sparse_plot(folder.path(), 27)).unwrap();
    let plots: Plots = Arc::new([Arc::new(plot) as _]);
    let scanner = Scanner::new(
        Planner::new(Arc::new(BuiltIn)),
        Hasher::new(Kernels::detect(), None),
        NonZeroUsize::MIN,
        None,
    )
    .unwrap();
    let times: Vec<Duration> = (0..10).map(|id| time_to_stop(&scanner, &plots, id)).collect();
    let quickest = times.iter().min().unwrap();
    assert!(*quickest <= Duration::from_millis(10), "{times:?}");
}
