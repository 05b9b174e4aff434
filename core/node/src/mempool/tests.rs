//! The pool's rules, over signed transactions.

use spacetime_protocol::keys::{Scheme, SecretKey};
use spacetime_protocol::validity::TransactionErrorKind as Kind;

use super::*;

const RICH: Account = Account { balance: 1_000_000, nonce: 0 };

fn key(number: u8) -> SecretKey {
    SecretKey::new(Scheme::Ed25519, [number; 32].into()).unwrap()
}

fn payment(from: u8, nonce: u64, fee: u64) -> Transaction {
    let (key, recipient) = (key(from), key(99).identity());
    let sender = key.identity();
    let transaction =
        Transaction { version: 1, sender, recipient, amount: 10, nonce, fee, signature: None };
    transaction.sign(&key)
}

fn admit(pool: &mut Mempool, from: u8, nonce: u64, fee: u64) -> Result<TxHash, Refusal> {
    pool.admit(payment(from, nonce, fee), &RICH, true)
}

fn fees(pool: &Mempool, limit: usize) -> Vec<(u64, u64)> {
    pool.select(limit).iter().map(|chosen| (chosen.fee, chosen.nonce)).collect()
}

#[test]
fn rules_are_checked_in_order() {
    let mut pool = Mempool::new(10);
    let good = payment(1, 0, 5);
    let mut unsigned = good.clone();
    unsigned.signature = None;
    let mut foreign = good.clone();
    foreign.amount += 1;
    let old = Transaction { version: 2, ..good.clone() };
    let greedy = Transaction { amount: 999_996, ..good.clone() }.sign(&key(1));
    for (bad, kind) in [
        (unsigned, Kind::BasicValidationFailed),
        (old, Kind::UnsupportedVersion),
        (payment(1, 0, 0), Kind::FeeTooLow),
        (payment(1, 0, 1_000_001), Kind::FeeTooHigh),
        (foreign, Kind::InvalidSignature),
    ] {
        let refused = pool.admit(bad, &RICH, true);
        assert!(matches!(&refused, Err(Refusal::Rule(rule)) if rule.kind == kind), "{refused:?}");
    }
    for (bad, refusal) in [
        (payment(1, 1, 5), Refusal::Nonce { found: 1, next: 0 }),
        (greedy, Refusal::Balance { needed: 1_000_001, balance: 1_000_000 }),
    ] {
        assert_eq!(pool.admit(bad, &RICH, true), Err(refusal));
    }
    assert_eq!(pool.admit(good.clone(), &RICH, true), Ok(good.hash()));
    assert_eq!(pool.admit(good, &RICH, true), Err(Refusal::Duplicate));
    assert_eq!(pool.len(), 1);
    let past = pool.admit(payment(2, 0, 5), &Account { nonce: 3, ..RICH }, true);
    assert_eq!(past, Err(Refusal::Nonce { found: 0, next: 3 }));
}

#[test]
fn fees_order_and_hashes_break_ties() {
    let mut pool = Mempool::new(10);
    for from in 1..=3 {
        admit(&mut pool, from, 0, 10).unwrap();
    }
    admit(&mut pool, 4, 0, 20).unwrap();
    admit(&mut pool, 5, 0, 5).unwrap();
    let order: Vec<_> = pool.select(10).iter().map(|chosen| (chosen.fee, chosen.hash())).collect();
    assert_eq!(order.iter().map(|(fee, _)| *fee).collect::<Vec<_>>(), [20, 10, 10, 10, 5]);
    assert!(order[1].1 < order[2].1 && order[2].1 < order[3].1);
    assert_eq!(pool.select(2).len(), 2);
    assert_eq!(pool.select(0).len(), 0);
}

#[test]
fn senders_queue_up_in_sequence() {
    let mut pool = Mempool::new(100);
    admit(&mut pool, 1, 0, 3).unwrap();
    assert_eq!(admit(&mut pool, 1, 2, 9), Err(Refusal::Nonce { found: 2, next: 1 }));
    admit(&mut pool, 1, 1, 9).unwrap();
    admit(&mut pool, 2, 0, 5).unwrap();
    // The better second one waits for its sender's first.
    assert_eq!(fees(&pool, 10), [(5, 0), (3, 0), (9, 1)]);
    assert_eq!(fees(&pool, 2), [(5, 0), (3, 0)]);
    for nonce in 2..MAX_PER_SENDER as u64 {
        admit(&mut pool, 1, nonce, 1).unwrap();
    }
    assert_eq!(admit(&mut pool, 1, MAX_PER_SENDER as u64, 9), Err(Refusal::TooManyOfSender));
}

#[test]
fn a_nonce_is_replaced_by_a_higher_fee_only() {
    let mut pool = Mempool::new(10);
    admit(&mut pool, 1, 0, 5).unwrap();
    let other = Transaction { amount: 11, ..payment(1, 0, 5) }.sign(&key(1));
    let refusal = Refusal::Underpriced { nonce: 0, at_least: 6 };
    assert_eq!(pool.admit(other, &RICH, true), Err(refusal));
    admit(&mut pool, 1, 0, 6).unwrap();
    assert_eq!(fees(&pool, 10), [(6, 0)]);
    assert_eq!(pool.len(), 1);
}

#[test]
fn a_sender_must_be_able_to_pay_for_all() {
    let mut pool = Mempool::new(10);
    let account = Account { balance: 25, nonce: 0 };
    pool.admit(payment(1, 0, 1), &account, true).unwrap();
    let refused = pool.admit(payment(1, 1, 5), &account, true);
    assert_eq!(refused, Err(Refusal::Balance { needed: 26, balance: 25 }));
    pool.admit(payment(1, 1, 4), &account, true).unwrap();
    let refused = pool.admit(payment(1, 0, 2), &account, true);
    assert_eq!(refused, Err(Refusal::Balance { needed: 26, balance: 25 }));
}

#[test]
fn a_full_pool_evicts_the_last_for_a_strictly_better_one() {
    let mut pool = Mempool::new(3);
    admit(&mut pool, 1, 0, 2).unwrap();
    admit(&mut pool, 1, 1, 8).unwrap();
    admit(&mut pool, 2, 0, 5).unwrap();
    assert_eq!(admit(&mut pool, 3, 0, 2), Err(Refusal::Full { at_least: 3 }));
    // Its own predecessor would have to go.
    assert_eq!(admit(&mut pool, 1, 2, 9), Err(Refusal::Full { at_least: 3 }));
    admit(&mut pool, 3, 0, 3).unwrap();
    // What stood on the evicted one went with it.
    assert_eq!(fees(&pool, 10), [(5, 0), (3, 0)]);
    // A replacement needs no room.
    admit(&mut pool, 4, 0, 9).unwrap();
    admit(&mut pool, 3, 0, 4).unwrap();
    assert_eq!(fees(&pool, 10), [(9, 0), (5, 0), (4, 0)]);
}

#[test]
fn a_new_tip_drops_what_is_done_or_cannot_be_paid() {
    let mut pool = Mempool::new(10);
    for nonce in 0..3 {
        admit(&mut pool, 1, nonce, 5).unwrap();
    }
    admit(&mut pool, 2, 0, 7).unwrap();
    let one = key(1).identity();
    let left = |balance, nonce| {
        move |of: &Identity| if *of == one { Account { balance, nonce } } else { RICH }
    };
    pool.follow(Vec::new(), left(20, 1));
    assert_eq!(fees(&pool, 10), [(7, 0), (5, 1)]);
    pool.follow(Vec::new(), left(20, 9));
    assert_eq!(fees(&pool, 10), [(7, 0)]);
}

#[test]
fn orphaned_transactions_come_back_before_those_that_followed_them() {
    let mut pool = Mempool::new(10);
    let next = Account { nonce: 1, ..RICH };
    pool.admit(payment(1, 1, 5), &next, true).unwrap();
    pool.admit(payment(2, 1, 5), &next, true).unwrap();
    // 1's first transaction left the chain, 2's too but free of charge.
    pool.follow(vec![payment(1, 0, 4), payment(2, 0, 0)], |_| RICH);
    assert_eq!(fees(&pool, 10), [(4, 0), (5, 1)]);
    // The pool's own stays unless the orphan pays more.
    pool.follow(vec![payment(1, 0, 3)], |_| RICH);
    assert_eq!(fees(&pool, 10), [(4, 0), (5, 1)]);
    pool.follow(vec![payment(1, 0, 9)], |_| RICH);
    assert_eq!(fees(&pool, 10), [(9, 0), (5, 1)]);
}

#[test]
fn what_is_pending_counts_for_the_next_nonce_and_binds_the_balance() {
    let mut pool = Mempool::new(10);
    let (one, account) = (key(1).identity(), Account { balance: 100, nonce: 3 });
    assert_eq!(pool.after(&one, &account), account);
    let payments = [payment(1, 3, 5), payment(1, 4, 7)];
    for payment in &payments {
        assert!(!pool.contains(&payment.hash()));
        pool.admit(payment.clone(), &account, false).unwrap();
        assert!(pool.contains(&payment.hash()));
    }
    assert_eq!(pool.after(&one, &account), Account { balance: 100 - 32, nonce: 5 });
    // A better one with a nonce that is taken replaces it only if it may.
    let better = payment(1, 4, 9);
    assert_eq!(pool.admit(better.clone(), &account, false), Err(Refusal::Taken { nonce: 4 }));
    pool.admit(better.clone(), &account, true).unwrap();
    assert!(pool.contains(&better.hash()) && !pool.contains(&payments[1].hash()));
    assert_eq!(pool.after(&one, &account), Account { balance: 100 - 34, nonce: 5 });
}
