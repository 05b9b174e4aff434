//! Scores, targets and difficulty as numbers (`consensus.md` section 4).

use crate::{Challenge, Leaf, MAX_NUMBER, Score, Target, hash::sha256};

/// `H(challenge, leaf)`.
pub fn score(challenge: &Challenge, leaf: &Leaf) -> Score {
    sha256(&[challenge.as_ref(), leaf.as_ref()]).into()
}

/// `floor((2^256 - 1) / difficulty)`; `None` for difficulty 0.
pub fn target(difficulty: u64) -> Option<Target> {
    if difficulty == 0 {
        return None;
    }
    let mut bytes = [0; 32];
    let mut remainder = 0;
    for quotient in bytes.as_chunks_mut::<8>().0 {
        // Long division of 2^256 - 1, a word at a time; the remainder stays below the divisor.
        let dividend = remainder << 64 | u128::from(u64::MAX);
        *quotient = ((dividend / u128::from(difficulty)) as u64).to_be_bytes();
        remainder = dividend % u128::from(difficulty);
    }
    Some(Target::new(bytes))
}

/// The inverse, `floor((2^256 - 1) / target)`, capped at 2^63 - 1; that cap for target 0.
pub fn difficulty(target: &Target) -> u64 {
    // The largest difficulty whose product with the target stays under 2^256, bit by bit.
    let bits = (0..MAX_NUMBER.count_ones()).rev();
    bits.map(|bit| 1 << bit).fold(0, |difficulty, bit| {
        if product_fits(target, difficulty | bit) { difficulty | bit } else { difficulty }
    })
}

/// Whether a score wins: strictly under the target.
pub fn is_under(score: &Score, target: &Target) -> bool {
    score.as_bytes() < target.as_bytes()
}

/// The chance of one leaf to score under a target: the target / 2^256.
pub fn chance_of_leaf(target: &Target) -> f64 {
    target.as_bytes().iter().rev().fold(0.0, |chance, byte| (chance + f64::from(*byte)) / 256.0)
}

/// The chance that any of so many leaves does what each does with this one.
pub fn chance_of_any(leaf: f64, leaves: u64) -> f64 {
    // 1 - (1 - leaf)^leaves, without the loss of small numbers beside 1.
    -(leaves as f64 * (-leaf).ln_1p()).exp_m1()
}

/// Zero bits from the front (`miner-behaviour.md` section 6.1).
pub fn leading_zero_bits(score: &Score) -> u32 {
    let zeros = score.as_bytes().iter().take_while(|byte| **byte == 0).count();
    let next = score.as_bytes().get(zeros).map_or(0, |byte| byte.leading_zeros());
    // At most 32 bytes.
    8 * zeros as u32 + next
}

/// Whether `target * factor < 2^256`.
fn product_fits(target: &Target, factor: u64) -> bool {
    let words = target.as_bytes().as_chunks::<8>().0.iter().rev();
    let carry = words.fold(0, |carry, word| {
        (u128::from(u64::from_be_bytes(*word)) * u128::from(factor) + carry) >> 64
    });
    carry == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_bits_count_from_the_front() {
        let bits = |index: usize, byte| {
            let mut bytes = [0; 32];
            bytes[index] = byte;
            leading_zero_bits(&Score::new(bytes))
        };
        assert_eq!([bits(0, 0x80), bits(0, 1), bits(3, 0x10), bits(31, 1)], [0, 7, 27, 255]);
        assert_eq!(leading_zero_bits(&Score::ZERO), 256);
    }

    #[test]
    fn a_score_has_to_be_strictly_under_its_target() {
        let target = target(3).unwrap();
        let mut bytes = target.to_bytes();
        assert!(!is_under(&Score::new(bytes), &target));
        bytes[31] -= 1;
        assert!(is_under(&Score::new(bytes), &target));
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() <= right.abs() * 1e-12
    }

    #[test]
    fn a_leafs_chance_is_its_targets_share_of_all_scores() {
        let target = |first| {
            let mut bytes = [0; 32];
            bytes[0] = first;
            Target::new(bytes)
        };
        assert!(close(chance_of_leaf(&target(0x80)), 0.5));
        assert!(close(chance_of_leaf(&target(1)), 1.0 / 256.0));
        assert!(close(chance_of_leaf(&Target::new([0xFF; 32])), 1.0));
        let mut one = [0; 32];
        one[31] = 1;
        assert!(close(chance_of_leaf(&Target::new(one)), 2_f64.powi(-256)));
    }

    #[test]
    fn many_leaves_chance_is_exact_at_both_ends() {
        assert!(close(chance_of_any(0.5, 2), 0.75));
        assert!(close(chance_of_any(1e-30, 1000), 1e-27));
        assert!(close(chance_of_any(1.0, 1), 1.0));
        assert!(close(chance_of_any(0.5, u64::MAX), 1.0));
        assert_eq!(chance_of_any(0.5, 0), 0.0);
    }
}
