//! Batches and bounds, compared with the protocol's definition.

use fastrand::Rng;
use spacetime_sdk::text;
use spacetime_sdk_loader::abi::BestLeaf;

use super::scorer::{ORDINARY, Scorer};
use crate::{
    oracle::lowest,
    probe::{Blame, Judged, Probe},
};

/// A bound that every score but one is under.
pub(super) const LOOSE: [u8; 32] = [0xFF; 32];

/// Leaves in a mebibyte, as the host's batches have.
pub(super) const MEBIBYTE: usize = 1 << 15;

pub(super) fn random_leaves(random: &mut Rng, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count * 32];
    random.fill(&mut bytes);
    bytes
}

pub(super) fn random_hash(random: &mut Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    bytes
}

/// So many leaves, as people read it.
fn leaves(count: usize, what: &str) -> String {
    text::count(count as u64, what)
}

pub(super) fn lowest_score(probe: &Probe) -> Judged {
    let (scorer, mut random) = (Scorer::open(probe, ORDINARY)?, probe.random());
    let drawn: Vec<usize> = (0..40).map(|_| random.usize(1..3000)).collect();
    for count in drawn.into_iter().chain([256, 1024, 4096, MEBIBYTE, 2 * MEBIBYTE + 1]) {
        let (challenge, batch) = (random_hash(&mut random), random_leaves(&mut random, count));
        probe.given(format_args!("{}, without a bound", leaves(count, "random leaf")));
        scorer.agrees("ENG-001", &challenge, &batch, &LOOSE)?;
    }
    // The best leaf at either end.
    let challenge = random_hash(&mut random);
    let mut batch = random_leaves(&mut random, 1000);
    let best = lowest(&challenge, &batch, &LOOSE).map_or(0, |best| best.index as usize);
    for place in [0, 999] {
        for byte in 0..32 {
            batch.swap(best * 32 + byte, place * 32 + byte);
        }
        probe.given(format_args!("1000 leaves, of which leaf {place} is the lowest"));
        scorer.agrees("ENG-001", &challenge, &batch, &LOOSE)?;
        for byte in 0..32 {
            batch.swap(best * 32 + byte, place * 32 + byte);
        }
    }
    Ok(())
}

/// The number after a score.
fn next(mut score: [u8; 32]) -> [u8; 32] {
    for byte in score.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    score
}

pub(super) fn bounds(probe: &Probe) -> Judged {
    let (scorer, mut random) = (Scorer::open(probe, ORDINARY)?, probe.random());
    for count in [1, 2, 7, 64, 1000] {
        let (challenge, batch) = (random_hash(&mut random), random_leaves(&mut random, count));
        let best = lowest(&challenge, &batch, &LOOSE).map_or(LOOSE, |best| best.score);
        let bounds = [
            ("that everything is under", LOOSE),
            ("of zero", [0; 32]),
            ("that equals the lowest score", best),
            ("that is one above the lowest score", next(best)),
            ("drawn by chance", random_hash(&mut random)),
        ];
        for (what, bound) in bounds {
            probe.given(format_args!("{} and a bound {what}", leaves(count, "leaf")));
            scorer.agrees("ENG-002", &challenge, &batch, &bound)?;
        }
    }
    Ok(())
}

pub(super) fn ties(probe: &Probe) -> Judged {
    let (scorer, mut random) = (Scorer::open(probe, ORDINARY)?, probe.random());
    for count in [2, 3, 8, 9, 64, 1000] {
        let (challenge, leaf) = (random_hash(&mut random), random_leaves(&mut random, 1));
        let all_equal = leaf.repeat(count);
        probe.given(format_args!("{count} equal leaves"));
        scorer.agrees("ENG-003", &challenge, &all_equal, &LOOSE)?;
        // The best leaf again, somewhere behind itself.
        let mut batch = random_leaves(&mut random, count);
        let Some(BestLeaf { index, .. }) = lowest(&challenge, &batch, &LOOSE) else { continue };
        let best = index as usize;
        for place in [count - 1, (best + 1).min(count - 1), (best + 8).min(count - 1)] {
            let copy = batch[best * 32..best * 32 + 32].to_vec();
            batch[place * 32..place * 32 + 32].copy_from_slice(&copy);
        }
        let all = leaves(count, "leaf");
        probe.given(format_args!("{all}, of which leaf {best} comes again"));
        scorer.agrees("ENG-003", &challenge, &batch, &LOOSE)?;
    }
    Ok(())
}

pub(super) fn lengths(probe: &Probe) -> Judged {
    let blame = Blame { panic: "ENG-004", ..ORDINARY };
    let (scorer, mut random) = (Scorer::open(probe, blame)?, probe.random());
    for count in (0..=70).chain([127, 129, 255, 257, 1023, 1025, MEBIBYTE - 1]) {
        let (challenge, batch) = (random_hash(&mut random), random_leaves(&mut random, count));
        probe.given(leaves(count, "leaf"));
        scorer.agrees("ENG-004", &challenge, &batch, &LOOSE)?;
    }
    Ok(())
}

pub(super) fn unaligned(probe: &Probe) -> Judged {
    let blame = Blame { failure: "ENG-005", panic: "ENG-005", ..ORDINARY };
    let (scorer, mut random) = (Scorer::open(probe, blame)?, probe.random());
    let buffer = random_leaves(&mut random, 101);
    for offset in 0..32 {
        let challenge = random_hash(&mut random);
        let bytes = text::count(offset as u64, "byte");
        probe.given(format_args!("100 leaves, {bytes} behind an address that allocators give"));
        scorer.agrees("ENG-005", &challenge, &buffer[offset..offset + 3200], &LOOSE)?;
    }
    Ok(())
}

pub(super) fn independent(probe: &Probe) -> Judged {
    let (scorer, mut random) = (Scorer::open(probe, ORDINARY)?, probe.random());
    let (challenge, batch) = (random_hash(&mut random), random_leaves(&mut random, 500));
    for round in 0..50 {
        let others = text::count(round, "other batch");
        probe.given(format_args!("the same 500 leaves after {others}"));
        scorer.agrees("ENG-008", &challenge, &batch, &LOOSE)?;
        let count = random.usize(0..2000);
        let (other, bound) = (random_leaves(&mut random, count), random_hash(&mut random));
        // The same challenge as well, and a new one.
        let other_challenge = if round % 2 == 0 { challenge } else { random_hash(&mut random) };
        probe.given(leaves(count, "other leaf"));
        scorer.agrees("ENG-008", &other_challenge, &other, &bound)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_carries() {
        let mut score = [0xFF; 32];
        score[0] = 3;
        let mut expected = [0; 32];
        expected[0] = 4;
        assert_eq!(next(score), expected);
        assert_eq!(next([0; 32])[31], 1);
    }
}
