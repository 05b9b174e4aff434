//! How much is covered in time: of what two drives can deliver, one ten times
//! as fast as the other, measured in the same run, and beside `full`.

use std::{thread, time::Duration};

use spacetime_core::scan::Plots;

use crate::{
    drives::{Drive, plots},
    scans::{Scans, spec},
};

/// Leaves that both deliver in this time.
fn delivered(fast: f64, slow: f64, time: Duration) -> u64 {
    let drives = [Drive::new(0, fast), Drive::new(1, slow)];
    let readers = drives.map(|drive| thread::spawn(move || drive.delivers(time)));
    readers.map(|reader| reader.join().unwrap()).iter().sum()
}

/// Two plots on each drive, of which both drives together read 30 % in time.
fn two_drives(fast: f64, slow: f64, time: Duration) -> Plots {
    let leaves = (fast + slow) * time.as_secs_f64() / 32.0 / 0.3 / 4.0;
    let (fast, slow) = (Drive::new(0, fast), Drive::new(1, slow));
    let on = [&fast, &slow, &fast, &slow].into_iter().zip(0..);
    plots(on.map(|(drive, number)| drive.plot(number, leaves as u64)))
}

/// What a strategy covers; every time with drives that nobody has read yet.
fn covered(strategy: &Scans, fast: f64, slow: f64, time: Duration) -> (u64, Vec<u64>) {
    let scanned = strategy.scan(spec(7), &two_drives(fast, slow, time), time);
    assert_eq!(strategy.faults(), [] as [String; 0]);
    (scanned.scanned(), scanned.drives())
}

fn compare(fast: f64, slow: f64, time: Duration) {
    let by = |name: &'static str| Scans::by(&format!("spacetime-strategy-{name}"), name, "()");
    let possible = delivered(fast, slow, time);
    let (adaptive, of_drives) = covered(&by("adaptive"), fast, slow, time);
    let (full, full_of_drives) = covered(&by("full"), fast, slow, time);
    println!(
        "{possible} possible; adaptive {adaptive} {of_drives:?}, full {full} {full_of_drives:?}"
    );
    assert!(adaptive as f64 >= 0.95 * possible as f64, "{adaptive} of {possible}: {of_drives:?}");
    assert!(adaptive >= full, "{adaptive} {of_drives:?}, full {full} {full_of_drives:?}");
}

#[test]
fn with_time_for_30_percent_it_covers_what_two_drives_can_deliver() {
    compare(8e6, 8e5, Duration::from_secs(2));
}

/// A drive that does not fill a buffer in a window delivers all the same.
#[test]
fn a_drive_slower_than_a_buffer_is_of_use() {
    compare(2e6, 2e5, Duration::from_secs(2));
}
