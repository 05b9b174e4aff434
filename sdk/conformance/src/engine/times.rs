//! Cancelled scans, scans at the same time, and many of them.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use spacetime_sdk_loader::abi::BestLeaf;

use super::{
    batches::{LOOSE, MEBIBYTE, random_hash, random_leaves},
    scorer::{ORDINARY, Scorer},
};
use crate::{
    oracle::lowest,
    probe::{Blame, Judged, Probe, grows},
};

/// Mebibytes of the batch that is cancelled.
const LONG: usize = 24;

/// By how much a scan that is cancelled must be faster than a whole one, and
/// what it may take in any case.
const SHARE: u32 = 4;
const MOMENT: Duration = Duration::from_millis(20);

pub(super) fn cancelled(probe: &Probe) -> Judged {
    let blame = Blame { failure: "ENG-006", panic: "ENG-006", ..ORDINARY };
    let (scorer, mut random) = (Scorer::open(probe, blame)?, probe.random());
    let challenge = random_hash(&mut random);
    // The same mebibyte again and again: only the score is looked at.
    let piece = random_leaves(&mut random, MEBIBYTE);
    let (batch, expected) = (piece.repeat(LONG), lowest(&challenge, &piece, &LOOSE));
    let is_right = |found: Option<BestLeaf>| match (found, expected) {
        (Some(found), Some(expected)) if found.score != expected.score => {
            scorer.is_right("ENG-006", Some(found), Some(expected))
        }
        _ => Ok(()),
    };
    probe.given(format_args!("{LONG} MiB of leaves"));
    let is_over = AtomicBool::new(false);
    let begun = Instant::now();
    is_right(scorer.scan(&challenge, &batch, &LOOSE, &is_over)?)?;
    let whole = begun.elapsed();

    probe.given(format_args!("{LONG} MiB of leaves, and a flag that is set"));
    is_over.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let found = scorer.scan(&challenge, &batch, &LOOSE, &is_over)?;
    prompt(probe, begun.elapsed(), whole)?;
    is_right(found)?;

    probe.given(format_args!("{LONG} MiB of leaves, and a flag that is set during the scan"));
    is_over.store(false, Ordering::Relaxed);
    let has_begun = AtomicBool::new(false);
    let (found, over) = thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            while !has_begun.load(Ordering::Acquire) {
                thread::yield_now();
            }
            is_over.store(true, Ordering::Relaxed);
            Instant::now()
        });
        has_begun.store(true, Ordering::Release);
        let found = scorer.scan(&challenge, &batch, &LOOSE, &is_over);
        (found, canceller.join().expect("it only waits and stores"))
    });
    prompt(probe, over.elapsed(), whole)?;
    is_right(found?)
}

/// Whether a cancelled scan took a part of what a whole one takes.
fn prompt(probe: &Probe, took: Duration, whole: Duration) -> Judged {
    if took <= MOMENT.max(whole / SHARE) {
        return Ok(());
    }
    let (took, whole) = (took.as_millis(), whole.as_millis());
    let seen =
        format_args!("it took {took} ms once it was cancelled, and {whole} ms for all {LONG} MiB");
    Err(probe.too_slow("ENG-006", seen))
}

/// Threads that scan at once, and how often each does.
const THREADS: u64 = 8;
const SCANS: u64 = 50;

pub(super) fn many_threads(probe: &Probe) -> Judged {
    let scorer = Scorer::open(probe, Blame::all("ENG-007"))?;
    probe.given(format_args!("{THREADS} threads with batches of their own"));
    let work = |thread: u64| -> Judged {
        let mut random = fastrand::Rng::with_seed(probe.task.subject.seed ^ thread);
        for _ in 0..SCANS {
            let count = random.usize(100..1000);
            let (challenge, batch) = (random_hash(&mut random), random_leaves(&mut random, count));
            scorer.agrees("ENG-007", &challenge, &batch, &LOOSE)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("the kit does not panic"))
    })
}

pub(super) fn no_growth(probe: &Probe) -> Judged {
    let (scorer, mut random) = (Scorer::open(probe, ORDINARY)?, probe.random());
    let batch = random_leaves(&mut random, 64);
    let never = AtomicBool::new(false);
    grows(probe, "ENG-009", probe.task.subject.jobs, |number| {
        let leaves = (number % 64 + 1) as usize * 32;
        scorer.scan(&random_hash(&mut random), &batch[..leaves], &LOOSE, &never).map(drop)
    })
}
