//! Engines.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use spacetime_sdk::{
    Best, Cancel, Engine, Error, Result,
    protocol::{Challenge, Score, Target},
};

use crate::strategy::{Page, page};

/// Leaves between two looks at the flag.
const STRIDE: usize = 1 << 12;

fn score(challenge: &[u8], leaf: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(challenge).chain_update(leaf).finalize().into()
}

/// The lowest score under a bound; `beats` says when one takes the place of
/// the best so far, or of the bound.
fn lowest(
    challenge: &Challenge,
    leaves: &[u8],
    bound: &Target,
    cancel: Option<Cancel<'_>>,
    beats: fn(&[u8; 32], &[u8; 32], bool) -> bool,
) -> Option<Best> {
    let mut best: Option<Best> = None;
    let mut to_beat = bound.to_bytes();
    for (index, leaf) in leaves.chunks_exact(32).enumerate() {
        if index % STRIDE == 0 && cancel.is_some_and(|cancel| cancel.is_cancelled()) {
            return None;
        }
        let score = score(challenge.as_bytes(), leaf);
        if beats(&score, &to_beat, best.is_some()) {
            to_beat = score;
            best = Some(Best { index: index as u64, score: Score::new(score) });
        }
    }
    best
}

fn is_lower(score: &[u8; 32], to_beat: &[u8; 32], _: bool) -> bool {
    score < to_beat
}

/// An engine whose instances hold this, and whose scan is this function.
macro_rules! engine {
    ($name:ident($state:ty), |$own:ident, $challenge:ident, $leaves:ident, $bound:ident, $cancel:ident| $scan:expr) => {
        #[derive(Default)]
        pub(crate) struct $name($state);

        impl Engine for $name {
            type Config = ();

            fn open((): ()) -> Result<Self> {
                Ok(Self::default())
            }

            fn scan(
                &self,
                $challenge: &Challenge,
                $leaves: &[u8],
                $bound: &Target,
                $cancel: Cancel<'_>,
            ) -> Result<Option<Best>> {
                let $own = &self.0;
                $scan
            }
        }
    };
}

engine!(Honest(()), |_own, challenge, leaves, bound, cancel| {
    Ok(lowest(challenge, leaves, bound, Some(cancel), is_lower))
});

engine!(Overlooking(()), |_own, challenge, leaves, bound, cancel| {
    let seen = if leaves.len() == 32_000 { &leaves[..31_968] } else { leaves };
    Ok(lowest(challenge, seen, bound, Some(cancel), is_lower))
});

engine!(OrEqual(()), |_own, challenge, leaves, bound, cancel| {
    let beats = |score: &[u8; 32], to_beat: &[u8; 32], is_second: bool| {
        if is_second { score < to_beat } else { score <= to_beat }
    };
    Ok(lowest(challenge, leaves, bound, Some(cancel), beats))
});

engine!(LastOfEquals(()), |_own, challenge, leaves, bound, cancel| {
    let beats = |score: &[u8; 32], to_beat: &[u8; 32], is_second: bool| {
        if is_second { score <= to_beat } else { score < to_beat }
    };
    Ok(lowest(challenge, leaves, bound, Some(cancel), beats))
});

engine!(NeverEmpty(()), |_own, challenge, leaves, bound, cancel| {
    if leaves.is_empty() {
        return Err(Error::new("there are no leaves"));
    }
    Ok(lowest(challenge, leaves, bound, Some(cancel), is_lower))
});

engine!(Aligned(()), |_own, challenge, leaves, bound, cancel| {
    if !leaves.is_empty() && !leaves.as_ptr().addr().is_multiple_of(8) {
        return Err(Error::new("the leaves are not aligned"));
    }
    Ok(lowest(challenge, leaves, bound, Some(cancel), is_lower))
});

engine!(Deaf(()), |_own, challenge, leaves, bound, _cancel| {
    Ok(lowest(challenge, leaves, bound, None, is_lower))
});

engine!(Unlocked(Mutex<[u8; 32]>), |own, challenge, leaves, bound, cancel| {
    let current = || own.lock().unwrap_or_else(PoisonError::into_inner);
    *current() = challenge.to_bytes();
    let middle = leaves.len() / 64 * 32;
    let first =
        lowest(&Challenge::new(*current()), &leaves[..middle], bound, Some(cancel), is_lower);
    std::thread::yield_now();
    let bound = first.map_or(*bound, |best| Target::new(best.score.to_bytes()));
    let rest =
        lowest(&Challenge::new(*current()), &leaves[middle..], &bound, Some(cancel), is_lower);
    let rest = rest.map(|best| Best { index: best.index + middle as u64 / 32, ..best });
    Ok(rest.or(first))
});

engine!(
    Remembering(Mutex<Option<([u8; 32], [u8; 32])>>),
    |own, challenge, leaves, bound, cancel| {
        let mut before = own.lock().unwrap_or_else(PoisonError::into_inner);
        let to_beat =
            before.filter(|(other, _)| *other == challenge.to_bytes()).map(|(_, best)| best);
        let bound = to_beat.map_or(*bound, |best| Target::new(best.min(bound.to_bytes())));
        let best = lowest(challenge, leaves, &bound, Some(cancel), is_lower);
        if let Some(best) = best {
            *before = Some((challenge.to_bytes(), best.score.to_bytes()));
        }
        Ok(best)
    }
);

engine!(Hoarding(Mutex<Vec<Page>>), |own, challenge, leaves, bound, cancel| {
    own.lock().unwrap_or_else(PoisonError::into_inner).push(page());
    Ok(lowest(challenge, leaves, bound, Some(cancel), is_lower))
});
