//! What holds of the relay's tables whatever comes: they are bounded, and
//! nothing is lost that was not said to be.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use spacetime_protocol::{
    relay::{
        AddressBook, BookRules, NotAdded, PeerExchange, PeerRules, Peers, Priority, PriorityQueue,
        QueueLimits, RateLimiter, SeenKey, SeenRules, SeenTracker, TokenRules, parse_exclusion,
    },
    wire::{Kind, PeerAddress},
};

const PRIORITIES: [Priority; 4] =
    [Priority::Critical, Priority::High, Priority::Normal, Priority::Low];

proptest! {
    #[test]
    fn a_queue_gives_back_or_out_all_that_is_pushed(
        entries in prop::collection::vec((0..4_usize, 0..40_usize, any::<bool>()), 0..200),
    ) {
        let limits = QueueLimits { entries: 5, bytes: 100 };
        let mut queue = PriorityQueue::new(limits);
        let (mut out, mut pushed) = (Vec::new(), 0);
        for (priority, size, pop) in entries {
            out.extend(queue.push(PRIORITIES[priority], pushed, size));
            pushed += 1;
            prop_assert!(queue.bytes() <= limits.bytes && queue.len() <= 20);
            if pop {
                out.extend(queue.pop());
            }
        }
        out.extend(std::iter::from_fn(|| queue.pop()));
        out.sort_unstable();
        prop_assert_eq!(out, (0..pushed).collect::<Vec<_>>());
        prop_assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn any_text_is_an_exclusion_or_none(text in "\\PC*") {
        if let Some(address) = parse_exclusion(&text) {
            prop_assert!(address.port > 0 && address.address.is_ipv4());
        }
    }

    #[test]
    fn any_text_is_an_address_book_or_none(text in "\\PC*") {
        if let Ok(book) = AddressBook::parse(&text, BookRules::DEFAULT) {
            prop_assert!(book.len() <= BookRules::DEFAULT.capacity);
        }
    }
}

#[test]
fn an_entry_larger_than_the_queue_may_hold_is_held_alone() {
    let mut queue = PriorityQueue::new(QueueLimits { entries: 10, bytes: 100 });
    assert_eq!(queue.push(Priority::Critical, "ping", 20), Vec::<&str>::new());
    assert_eq!(queue.push(Priority::High, "block", 500), ["ping"]);
    assert_eq!(queue.push(Priority::Low, "transaction", 1), ["block"]);
    assert_eq!(queue.pop(), Some("transaction"));
}

#[test]
fn tables_stay_bounded_whoever_comes() {
    let mut limiter = RateLimiter::new(TokenRules { capacity: 1, refill: 1, interval_ms: 1000 });
    let mut peers = Peers::new(PeerRules::DEFAULT);
    let (mut exchange, book) = (PeerExchange::new(), AddressBook::new(BookRules::DEFAULT));
    let mut taken = 0;
    for peer in 0..20_000_u32 {
        taken += u32::from(limiter.consume(&peer, 1, 0));
        peers.add(peer);
        exchange.answer(&peer, 1, &[], &book, 0);
    }
    assert_eq!(taken, 10_000, "strangers are refused while everybody's bucket is empty");
    assert!(limiter.consume(&20_000, 1, 1000), "full buckets make room");
    assert_eq!(peers.best(usize::MAX).len(), 10_000);
    let mut seen = SeenTracker::new(SeenRules { lifetime_ms: 1000, capacity: 50 }, 0);
    for number in 0..1000_u32 {
        assert!(seen.mark(SeenKey::of(Kind::Transaction, &number.to_le_bytes()), 0));
        assert!(seen.len() <= 50);
    }
    assert!(seen.has(&SeenKey::of(Kind::Transaction, &999_u32.to_le_bytes()), 0));
}

#[test]
fn a_peer_with_a_connection_is_never_forgotten_for_a_new_one() {
    let mut peers = Peers::new(PeerRules::DEFAULT);
    peers.add(0);
    peers.connected(&0);
    (0..5).for_each(|_| peers.failure(&0));
    (1..20_000).for_each(|peer| peers.add(peer));
    assert!(peers.is_blacklisted(&0) && peers.standing(&0).unwrap().connected);
}

#[test]
fn an_address_that_is_heard_of_again_is_no_longer_the_oldest() {
    let rules = BookRules { capacity: 2, ..BookRules::DEFAULT };
    let mut book = AddressBook::new(rules);
    let address = |last| PeerAddress { address: IpAddr::V4(Ipv4Addr::new(8, last, 8, 8)), port: 1 };
    book.add(address(1), "seed", 1000).unwrap();
    book.add(address(2), "seed", 2000).unwrap();
    assert_eq!(book.add(address(1), "other", 3000), Err(NotAdded::Known));
    book.add(address(3), "seed", 4000).unwrap();
    assert_eq!(book.gossip(), [address(3), address(1)]);
}
