//! Policies.

use std::{
    collections::{HashMap, HashSet},
    thread,
    time::Duration,
};

use spacetime_sdk::{BlockContext, Candidate, Error, Policy, Result, Selection};

use crate::strategy::{Page, page};

/// As many as fit, from the front.
fn front(block: &BlockContext, candidates: &[Candidate]) -> Vec<usize> {
    (0..candidates.len().min(block.max_transactions)).collect()
}

/// A policy that selects by this function.
macro_rules! policy {
    ($name:ident, |$block:ident, $candidates:ident| $select:expr) => {
        pub(crate) struct $name;

        impl Policy for $name {
            type Config = ();

            fn open((): ()) -> Result<Self> {
                Ok(Self)
            }

            fn select(
                &mut self,
                $block: &BlockContext,
                $candidates: &[Candidate],
            ) -> Result<Selection> {
                $select
            }
        }
    };
}

policy!(Honest, |block, candidates| Ok(Selection::Include(front(block, candidates))));

policy!(Twice, |block, candidates| {
    let mut chosen = front(block, candidates);
    if chosen.len() > 1 {
        chosen[1] = 0;
    }
    Ok(Selection::Include(chosen))
});

policy!(Picky, |block, candidates| {
    if candidates.len() == 256 {
        return Err(Error::new("256 candidates are not to its taste"));
    }
    Ok(Selection::Include(front(block, candidates)))
});

policy!(Greedy, |_block, candidates| Ok(Selection::Include((0..candidates.len()).collect())));

policy!(ByChance, |block, candidates| {
    let fits: HashSet<usize> = front(block, candidates).into_iter().collect();
    Ok(Selection::Include(fits.into_iter().collect()))
});

policy!(NeverEmpty, |block, candidates| {
    candidates.first().ok_or_else(|| Error::new("there are no candidates"))?;
    Ok(Selection::Include(front(block, candidates)))
});

policy!(Slow, |block, candidates| {
    // Being slow is the violation; nothing waits by it.
    thread::sleep(Duration::from_micros(100) * u32::try_from(candidates.len()).unwrap_or(0));
    Ok(Selection::Include(front(block, candidates)))
});

policy!(Adding, |block, candidates| {
    for candidate in candidates {
        candidate.amount.checked_add(candidate.fee).expect("nobody pays so much");
    }
    Ok(Selection::Include(front(block, candidates)))
});

policy!(Trusting, |block, candidates| {
    let mut places = HashMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        assert!(places.insert(candidate.hash, place).is_none(), "a transaction is there twice");
    }
    Ok(Selection::Include(front(block, candidates)))
});

policy!(Speechless, |block, candidates| match candidates.len() {
    100 => Ok(Selection::Veto(String::new())),
    _ => Ok(Selection::Include(front(block, candidates))),
});

policy!(Filtering, |block, candidates| {
    let pays_enough = |place: &usize| candidates[*place].fee >= 10;
    let paying = (0..candidates.len()).filter(pays_enough);
    Ok(Selection::Include(paying.take(block.max_transactions).collect()))
});

pub(crate) struct Hoarding(Vec<Page>);

impl Policy for Hoarding {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Ok(Self(Vec::new()))
    }

    fn select(&mut self, block: &BlockContext, candidates: &[Candidate]) -> Result<Selection> {
        self.0.push(page());
        Ok(Selection::Include(front(block, candidates)))
    }
}
