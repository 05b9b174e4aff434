//! Jobs, plots and feedback: as miners have them, and as nobody should.

use std::sync::atomic::AtomicBool;

use fastrand::Rng;
use spacetime_sdk_loader::abi::{BatchStats, Job, Plot, Span, StopRule, features};

use crate::sample::{job, plot};

/// Sizes of plots as miners have them, in leaves, if small ones.
pub(super) const SIZES: [u64; 6] = [64, 1000, 4096, 10_000, 1 << 16, 300_000];

/// Sizes up to a million leaves, the fixed ones first.
pub(super) fn sizes(random: &mut Rng) -> Vec<u64> {
    let drawn = std::iter::repeat_with(|| random.u64(64..1 << 20)).take(6);
    SIZES.into_iter().chain(drawn.collect::<Vec<_>>()).collect()
}

/// A plot like many.
pub(super) fn a_plot(random: &mut Rng, leaf_count: u64) -> Plot {
    let mut reserved = [0; 8];
    reserved[features::PLOT_READERS] = random.u64(1..4);
    // Rates that are not known yet, and rates of real drives.
    let mut rate = || if random.bool() { 0 } else { random.u64(10_000..50_000_000) };
    let (read_rate, scan_rate) = (rate(), rate());
    let mut id = [0; 32];
    random.fill(&mut id);
    Plot {
        id,
        index: random.u64(0..10),
        drive: random.u64(0..4),
        read_rate,
        scan_rate,
        reserved,
        ..plot(leaf_count)
    }
}

/// A job like many.
pub(super) fn a_job<'a>(random: &mut Rng, cancel: &'a AtomicBool) -> Job<'a> {
    let mut challenge = [0; 32];
    random.fill(&mut challenge);
    Job {
        id: random.u64(..),
        challenge,
        epoch: random.u64(0..1 << 20),
        height: random.u64(0..1 << 20),
        leaves: random.u64(1..1 << 40),
        plots: random.u64(1..100),
        seed: random.u64(..),
        stop: StopRule::BEST_OF_ALL,
        ..job(cancel)
    }
}

/// What a host says of so many scanned leaves, of a drive that reads 100,000 a
/// second.
pub(super) fn stats(leaves: u64) -> BatchStats {
    let mut reserved = [0; 8];
    reserved[features::STATS_READ_RATE] = 100_000;
    reserved[features::STATS_SCAN_RATE] = 10_000_000;
    reserved[features::STATS_SCANNED] = leaves;
    BatchStats {
        leaves,
        bytes_read: leaves.saturating_mul(32),
        elapsed_ns: leaves.saturating_mul(10_000),
        best: if leaves == 0 { [0xFF; 32] } else { [0x10; 32] },
        reserved,
    }
}

/// A number from either end of its range, or any.
pub(super) fn extreme(random: &mut Rng) -> u64 {
    match random.u8(0..8) {
        0 => 0,
        1 => 1,
        2 => u64::MAX,
        3 => u64::MAX - 1,
        4 => i64::MAX as u64,
        5 => 1 << random.u32(0..64),
        _ => random.u64(..),
    }
}

/// A leaf that two spans hold; the spans are sorted.
pub(super) fn repeated(spans: &mut [Span]) -> Option<u64> {
    spans.sort_unstable_by_key(|span| span.start);
    let overlap = spans.windows(2).find(|pair| pair[0].start + pair[0].len > pair[1].start)?;
    Some(overlap[1].start)
}

/// The same leaves as few spans, in ascending order, each leaf once.
pub(super) fn covered(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable_by_key(|span| span.start);
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.start + last.len >= span.start => {
                last.len = last.len.max(span.start + span.len - last.start);
            }
            _ => merged.push(span),
        }
    }
    merged
}

/// How many leaves spans hold, those that are there twice counted twice.
pub(super) fn total(spans: &[Span]) -> u64 {
    spans.iter().fold(0, |sum, span| sum.saturating_add(span.len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u64, len: u64) -> Span {
        Span { start, len }
    }

    #[test]
    fn leaves_that_are_there_twice_are_found() {
        assert_eq!(repeated(&mut [span(5, 5), span(0, 5), span(10, 1)]), None);
        assert_eq!(repeated(&mut [span(4, 6), span(0, 5)]), Some(4));
        assert_eq!(repeated(&mut [span(7, 1), span(7, 1)]), Some(7));
    }

    #[test]
    fn leaves_are_counted_once() {
        let spans = vec![span(4, 6), span(0, 5), span(20, 1), span(21, 1), span(5, 1)];
        assert_eq!(covered(spans.clone()), [span(0, 10), span(20, 2)]);
        assert_eq!((total(&spans), total(&covered(spans))), (14, 12));
    }
}
