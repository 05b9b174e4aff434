//! Lists of candidates, short and long, ordinary and odd.

use std::{collections::HashMap, time::Instant};

use fastrand::Rng;
use spacetime_sdk::text::{LONGEST, count, is_printable};
use spacetime_sdk_loader::abi::{Candidate, PolicyContext};

use super::{
    candidates::{a_candidate, a_context, identity, some},
    chooser::{Chooser, ORDINARY, SELECT_LIMIT, Selected, survived},
};
use crate::probe::{Judged, Probe, Stop, grows};

/// The host's own limit of a block's transactions.
const FULL: u64 = 1000;

/// A list and a block, as people read it.
fn told(candidates: usize, room: u64) -> String {
    format!("{}, and room for {room}", count(candidates as u64, "candidate"))
}

/// Does something with one instance for lists as nodes have them.
fn for_each_list(
    probe: &Probe,
    mut check: impl FnMut(&PolicyContext, &[Candidate], &Selected) -> Judged,
) -> Judged {
    let (mut chooser, mut random) = (Chooser::open(probe, ORDINARY)?, probe.random());
    for length in [1, 2, 3, 10, 100, 255, 256, 257, 2000] {
        for room in [FULL, 10, 1] {
            let (context, candidates) = (a_context(&mut random, room), some(&mut random, length));
            probe.given(told(length, room));
            let selected = chooser.select(&context, &candidates)?;
            check(&context, &candidates, &selected)?;
        }
    }
    Ok(())
}

/// The handle refuses positions that are not there, or there twice.
pub(super) fn ordinary(probe: &Probe) -> Judged {
    for_each_list(probe, |_, _, _| Ok(()))
}

pub(super) fn limits(probe: &Probe) -> Judged {
    let (mut chooser, mut random) = (Chooser::open(probe, ORDINARY)?, probe.random());
    for count in [1_u64, 5, 300] {
        for room in [0, 1, 2, count.saturating_sub(1), count, count + 1, FULL, u64::MAX] {
            let (context, candidates) =
                (a_context(&mut random, room), some(&mut random, count as usize));
            probe.given(told(candidates.len(), room));
            let Ok(chosen) = chooser.select(&context, &candidates)? else { continue };
            if chosen.len() as u64 > room {
                let seen = format_args!("it chose {}", chosen.len());
                return Err(probe.broken("POL-003", seen));
            }
        }
    }
    Ok(())
}

pub(super) fn deterministic(probe: &Probe) -> Judged {
    let selections = || -> Result<Vec<Selected>, Stop> {
        let mut selections = Vec::new();
        for_each_list(probe, |_, _, selected| {
            selections.push(selected.clone());
            Ok(())
        })?;
        Ok(selections)
    };
    let (first, second) = (selections()?, selections()?);
    if first != second {
        let seen = "two new instances were told the same, and chose in two ways";
        return Err(probe.broken("POL-004", seen));
    }
    Ok(())
}

pub(super) fn empty(probe: &Probe) -> Judged {
    let (mut chooser, mut random) = (Chooser::open(probe, survived("POL-005"))?, probe.random());
    for room in [0, 1, FULL] {
        probe.given(format_args!("no candidates, and room for {room}"));
        chooser.select(&a_context(&mut random, room), &[]).map(drop)?;
    }
    Ok(())
}

/// Candidates of a busy network.
const MANY: usize = 10_000;

pub(super) fn many(probe: &Probe) -> Judged {
    let (mut chooser, mut random) = (Chooser::open(probe, survived("POL-006"))?, probe.random());
    let of_one = |random: &mut Rng, order: fn(u64) -> u64| -> Vec<Candidate> {
        (0..MANY as u64).map(|number| a_candidate(random, identity(1), order(number))).collect()
    };
    let lists = [
        ("of 250 senders", some(&mut random, MANY)),
        ("of one sender, in order", of_one(&mut random, |number| number)),
        (
            "of one sender, the last one first",
            of_one(&mut random, |number| MANY as u64 - 1 - number),
        ),
    ];
    for (what, candidates) in lists {
        for room in [FULL, MANY as u64] {
            probe.given(format_args!("{MANY} candidates {what}, and room for {room}"));
            let (context, begun) = (a_context(&mut random, room), Instant::now());
            chooser.select(&context, &candidates).map(drop)?;
            if begun.elapsed() > SELECT_LIMIT {
                let took = begun.elapsed().as_millis();
                return Err(probe.too_slow("POL-006", format_args!("select took {took} ms")));
            }
        }
    }
    Ok(())
}

/// A number from either end of its range, or any.
fn extreme(random: &mut Rng) -> u64 {
    match random.u8(0..6) {
        0 => 0,
        1 => 1,
        2 => u64::MAX,
        3 => u64::MAX - 1,
        4 => 1 << random.u32(0..64),
        _ => random.u64(..),
    }
}

/// The numbers of a candidate, by the names that authors know.
fn numbers_of(candidate: &Candidate) -> String {
    let Candidate { amount, fee, nonce, size, sender_balance, sender_nonce, .. } = candidate;
    format!(
        "amount {amount}, fee {fee}, nonce {nonce}, size {size}, sender_balance {sender_balance}, \
         sender_nonce {sender_nonce}"
    )
}

pub(super) fn numbers(probe: &Probe) -> Judged {
    let (mut chooser, mut random) = (Chooser::open(probe, survived("POL-007"))?, probe.random());
    for draw in 0..200 {
        let number = |random: &mut Rng| match draw {
            0 => 0,
            1 => u64::MAX,
            _ => extreme(random),
        };
        let context = PolicyContext {
            height: number(&mut random),
            epoch: number(&mut random),
            difficulty: number(&mut random),
            ..a_context(&mut random, FULL)
        };
        let candidates: Vec<Candidate> = (0..random.usize(1..40))
            .map(|_| {
                let sender = identity(random.u8(0..3));
                let like_others = a_candidate(&mut random, sender, 0);
                Candidate {
                    amount: number(&mut random),
                    fee: number(&mut random),
                    nonce: number(&mut random),
                    size: number(&mut random),
                    sender_balance: number(&mut random),
                    sender_nonce: number(&mut random),
                    ..like_others
                }
            })
            .collect();
        probe.given(format_args!(
            "list {draw} of {}, the first one with {}",
            count(candidates.len() as u64, "candidate"),
            numbers_of(&candidates[0])
        ));
        chooser.select(&context, &candidates).map(drop)?;
    }
    Ok(())
}

pub(super) fn odd(probe: &Probe) -> Judged {
    let (mut chooser, mut random) = (Chooser::open(probe, survived("POL-008"))?, probe.random());
    let ordinary = some(&mut random, 50);
    let mut shuffled = ordinary.clone();
    random.shuffle(&mut shuffled);
    let changed = |change: fn(&mut Candidate)| {
        let mut candidates = ordinary.clone();
        candidates.iter_mut().for_each(change);
        candidates
    };
    let lists = [
        ("every transaction twice", [&ordinary[..], &ordinary[..]].concat()),
        ("one transaction fifty times", vec![ordinary[0]; 50]),
        ("unordered fees", shuffled),
        ("gaps in every sequence", changed(|candidate| candidate.nonce *= 3)),
        ("the same nonce for all", changed(|candidate| candidate.nonce = 7)),
        ("senders who own nothing", changed(|candidate| candidate.sender_balance = 0)),
        ("payments to oneself", changed(|candidate| candidate.recipient = candidate.sender)),
        ("nonces that are used up", changed(|candidate| candidate.sender_nonce = 1000)),
        (
            "accounts that contradict",
            changed(|candidate| {
                candidate.sender_balance ^= u64::from(candidate.hash[0]);
                candidate.sender_nonce ^= u64::from(candidate.hash[1]);
            }),
        ),
        ("no hashes", changed(|candidate| candidate.hash = [0; 32])),
    ];
    for (what, candidates) in lists {
        probe.given(format_args!("{} candidates: {what}", candidates.len()));
        chooser.select(&a_context(&mut random, FULL), &candidates).map(drop)?;
    }
    Ok(())
}

pub(super) fn vetoes(probe: &Probe) -> Judged {
    let mut vetoes = 0;
    for_each_list(probe, |_, _, selected| {
        let Err(reason) = selected else { return Ok(()) };
        vetoes += 1;
        if reason.trim().is_empty() || reason.len() > LONGEST {
            let bytes = count(reason.len() as u64, "byte");
            let seen = format_args!("the reason of its veto has {bytes}");
            return Err(probe.broken("POL-009", seen));
        }
        if let Some(c) = reason.chars().find(|c| !is_printable(*c)) {
            let c = c.escape_unicode();
            let seen = format_args!("the reason of its veto has the character {c}");
            return Err(probe.broken("POL-009", seen));
        }
        Ok(())
    })?;
    if vetoes == 0 {
        probe.note("it vetoed no block");
    }
    Ok(())
}

pub(super) fn in_turn(probe: &Probe) -> Judged {
    for_each_list(probe, |_, candidates, selected| {
        let chosen = selected.as_deref().unwrap_or_default();
        match out_of_turn(candidates, chosen) {
            Some(seen) => Err(probe.broken("POL-011", seen)),
            None => Ok(()),
        }
    })
}

/// What is said of the first one chosen that was not its sender's next.
fn out_of_turn(candidates: &[Candidate], chosen: &[usize]) -> Option<String> {
    let mut senders = HashMap::new();
    for at in chosen {
        let Candidate { sender, nonce, sender_nonce, .. } = candidates[*at];
        let next = senders.entry(sender).or_insert(sender_nonce);
        if nonce != *next {
            return Some(format!(
                "it chose candidate {at}, which has the nonce {nonce}, where {next} was its \
                 sender's next"
            ));
        }
        *next += 1;
    }
    None
}

pub(super) fn no_growth(probe: &Probe) -> Judged {
    let (mut chooser, mut random) = (Chooser::open(probe, ORDINARY)?, probe.random());
    grows(probe, "POL-010", probe.task.subject.jobs, |number| {
        let candidates = some(&mut random, (number % 8 + 1) as usize);
        let listed = count(candidates.len() as u64, "candidate");
        probe.given(format_args!("block {number} in a row, {listed}"));
        chooser.select(&a_context(&mut random, FULL), &candidates).map(drop)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The candidates of a sender with these nonces, whose next one is 7.
    fn of(sender: u8, nonces: &[u64]) -> Vec<Candidate> {
        let mut random = Rng::with_seed(1);
        let one = |nonce: &u64| a_candidate(&mut random, identity(sender), nonce - 7);
        nonces.iter().map(one).collect()
    }

    #[test]
    fn a_gap_in_what_is_chosen_of_a_sender_is_found() {
        let candidates = [of(1, &[7, 8, 9]), of(2, &[7, 8])].concat();
        let wrong = |chosen: &[usize]| out_of_turn(&candidates, chosen);
        for in_turn in [&[][..], &[0, 1, 2, 3, 4], &[3, 0, 4, 1], &[0, 3]] {
            assert_eq!(wrong(in_turn), None);
        }
        for (chosen, culprit) in
            [(&[1][..], "candidate 1,"), (&[3, 0, 2], "candidate 2,"), (&[4, 3], "candidate 4,")]
        {
            assert!(wrong(chosen).unwrap().contains(culprit));
        }
    }

    #[test]
    fn ordinary_lists_can_be_taken_as_they_stand() {
        let mut random = Rng::with_seed(1);
        for count in [1, 2, 10, 300, 2000] {
            let candidates = some(&mut random, count);
            assert_eq!(candidates.len(), count);
            assert_eq!(out_of_turn(&candidates, &(0..count).collect::<Vec<_>>()), None);
        }
    }
}
