//! Cancelled scans, scans at the same time, and many of them.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use spacetime_sdk::text::count;
use spacetime_sdk_loader::abi::BestLeaf;

use super::{
    batches::{LOOSE, MEBIBYTE, random_hash, random_leaves},
    scorer::{ORDINARY, Scorer},
};
use crate::{
    oracle::lowest,
    probe::{Blame, Judged, Probe, cpu_time, grows},
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
    let begun = Begun::now();
    is_right(scorer.scan(&challenge, &batch, &LOOSE, &is_over)?)?;
    let whole = begun.took();

    probe.given(format_args!("{LONG} MiB of leaves, and a flag that is set"));
    is_over.store(true, Ordering::Relaxed);
    let begun = Begun::now();
    let found = scorer.scan(&challenge, &batch, &LOOSE, &is_over)?;
    prompt(probe, begun.took(), whole)?;
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
            Begun::now()
        });
        has_begun.store(true, Ordering::Release);
        let found = scorer.scan(&challenge, &batch, &LOOSE, &is_over);
        (found, canceller.join().expect("it only waits and stores"))
    });
    prompt(probe, over.took(), whole)?;
    is_right(found?)
}

/// When something began, and the processor time that was used before.
struct Begun(Instant, Option<Duration>);

/// What something took, and how much processor time; `None`: not known.
#[derive(Clone, Copy)]
struct Took(Duration, Option<Duration>);

impl Begun {
    fn now() -> Self {
        Self(Instant::now(), cpu_time())
    }

    fn took(&self) -> Took {
        let used = cpu_time().zip(self.1).map(|(now, before)| now.saturating_sub(before));
        Took(self.0.elapsed(), used)
    }
}

/// Whether a cancelled scan took a part of what a whole one takes. A machine
/// that is busy with the whole one makes that look long, but does not make it
/// use more processor time; an engine that waits for a device uses none.
fn prompt(probe: &Probe, took: Took, whole: Took) -> Judged {
    let late = |took: Duration, whole: Duration, of: &str| {
        let limit = MOMENT.max(whole / SHARE);
        let seen = || {
            let [took, whole] = [took, whole].map(|time| time.as_millis());
            format!(
                "it took {took} ms{of} once it was cancelled, and {whole} ms for all {LONG} MiB"
            )
        };
        (took > limit).then(seen)
    };
    let used = took.1.zip(whole.1);
    let used = used.and_then(|(took, whole)| late(took, whole, " of processor time"));
    match used.or_else(|| late(took.0, whole.0, "")) {
        Some(seen) => Err(probe.too_slow("ENG-006", seen)),
        None => Ok(()),
    }
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
        let held = count(number % 64 + 1, "leaf");
        probe.given(format_args!("batch {number} in a row, {held}"));
        scorer.scan(&random_hash(&mut random), &batch[..leaves], &LOOSE, &never).map(drop)
    })
}
