//! What a miner takes of the machine's memory does not depend on its plots.

#![cfg(target_os = "linux")]

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use spacetime_tests::home::Home;

/// What a scan may take, plugins and program included, KiB.
const MOST: u64 = 96 << 10;

/// What a process has in memory, in KiB, files that it has mapped included.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Five times as much is read as may be taken.
#[test]
fn a_scan_takes_no_more_than_its_buffers() {
    for io in ["buffered", "direct", "mmap"] {
        let home =
            Home::new().set("io", io).set("first_run", "(create_key: true, plot_size: \"256MiB\")");
        let mut miner = home.run(&[]);
        // Plugins are loaded, and the plot is made.
        let process = miner.id();
        miner.event("challenge");
        let scanning = AtomicBool::new(true);
        let most = thread::scope(|scope| {
            let looks = scope.spawn(|| {
                let mut most = 0;
                while scanning.load(Ordering::Relaxed) {
                    most = most.max(resident(process).unwrap_or(0));
                    thread::yield_now();
                }
                most
            });
            for _ in 0..2 {
                miner.event("proof");
            }
            scanning.store(false, Ordering::Relaxed);
            looks.join().unwrap()
        });
        println!("{io}: {most} KiB");
        assert!(most > 0 && most < MOST, "{io}: {most} KiB");
        assert!(miner.stop().events("fault").is_empty());
    }
}
