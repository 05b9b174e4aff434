//! How peers stand, where others listen, and who is told of them.

use std::net::SocketAddr;

use serde_json::{Value, json};
use spacetime_protocol::{
    relay::{AddressBook, BookEntry, BookRules, PeerExchange, PeerRules, Peers, parse_exclusion},
    wire::PeerAddress,
};

use crate::{
    book::described,
    common::{Answer, Case},
    number, results, steps, text, unknown,
};

const NOW_MS: u64 = 1_800_000_000_000;

pub(crate) fn standings(case: &Case) -> Answer {
    let rules = PeerRules {
        blacklist_at: i32::try_from(case.int("blacklist_threshold")).unwrap(),
        max_failures: u32::try_from(case.int("max_failures")).unwrap(),
    };
    let mut peers = Peers::new(rules);
    let step = |step: &Value| {
        if let Some(count) = step.get("best") {
            return json!(peers.best(usize::try_from(number(count)).unwrap()));
        }
        let (call, peer) = step.as_object().and_then(|step| step.iter().next()).expect("a call");
        let peer = text(peer).to_owned();
        match call.as_str() {
            "add" => peers.add(peer.clone()),
            "remove" => peers.remove(&peer),
            "success" => peers.success(&peer),
            "failure" => peers.failure(&peer),
            "connected" => peers.connected(&peer),
            "disconnected" => peers.disconnected(&peer),
            _ => unknown(case, step),
        }
        let blacklisted = peers.is_blacklisted(&peer);
        peers.standing(&peer).map_or_else(
            || json!({ "known": false, "blacklisted": blacklisted }),
            |standing| {
                json!({
                    "reputation": standing.reputation,
                    "failures": standing.failures,
                    "connected": standing.connected,
                    "blacklisted": blacklisted,
                })
            },
        )
    };
    results(steps(case).iter().map(step).collect())
}

fn address(value: &Value) -> PeerAddress {
    let address = text(value).parse::<SocketAddr>();
    address.unwrap_or_else(|error| panic!("{value}: {error}")).into()
}

fn shown(address: &PeerAddress) -> String {
    SocketAddr::new(address.address, address.port).to_string()
}

fn shown_all(addresses: &[PeerAddress]) -> Value {
    addresses.iter().map(shown).collect::<Vec<_>>().into()
}

pub(crate) fn book(case: &Case) -> Answer {
    let rules = BookRules {
        capacity: usize::try_from(case.int("max_addresses")).unwrap(),
        per_subnet: usize::try_from(case.int("max_per_subnet")).unwrap(),
        allow_private: case.flag("allow_private"),
    };
    let mut book = AddressBook::new(rules);
    let ratio = |ratio: Option<f64>| match ratio {
        None => Value::Null,
        // The reference writes whole numbers without a fraction.
        Some(0.0) => 0.into(),
        Some(1.0) => 1.into(),
        Some(ratio) => ratio.into(),
    };
    let step = |step: &Value| {
        if let Some(added) = step.get("add") {
            let seen_ms = number(&step["last_seen"]) * 1000;
            let added = book.add(address(added), "test", seen_ms).is_ok();
            json!({ "added": added, "count": book.len() })
        } else if let Some(reached) = step.get("success") {
            ratio(book.success(&address(reached), NOW_MS))
        } else if let Some(missed) = step.get("failure") {
            ratio(book.failure(&address(missed), NOW_MS))
        } else if let Some(count) = step.get("best") {
            shown_all(&book.best(usize::try_from(number(count)).unwrap(), &[]))
        } else if let Some(below) = step.get("remove_poor_below") {
            let attempts = u32::try_from(number(&step["min_attempts"])).unwrap();
            book.remove_poor(below.as_f64().unwrap(), attempts).into()
        } else {
            unknown(case, step)
        }
    };
    results(steps(case).iter().map(step).collect())
}

pub(crate) fn load(case: &Case) -> Answer {
    match AddressBook::parse(case.text("text").expect("a text"), BookRules::DEFAULT) {
        Ok(book) => {
            let entry = |(address, entry): (&PeerAddress, &BookEntry)| {
                json!({
                    "address": shown(address),
                    "source": entry.source,
                    "success_count": entry.successes,
                    "failure_count": entry.failures,
                })
            };
            let ours = book.entries().map(entry).collect();
            Answer::Out(json!({ "addresses": in_their_order(case, "addresses", ours) }))
        }
        Err(error) => Answer::refused(error),
    }
}

/// The order of the reference's hash table means nothing; ours goes by it to
/// be comparable.
fn in_their_order(case: &Case, field: &str, mut ours: Vec<Value>) -> Vec<Value> {
    let theirs = case.outcome.as_ref().ok().and_then(|out| out[field].as_array());
    let position =
        |entry: &Value| theirs?.iter().position(|theirs| theirs["address"] == entry["address"]);
    ours.sort_by_key(|entry| position(entry).unwrap_or(usize::MAX));
    ours
}

/// A book as the reference would have it, by way of its own text.
pub(crate) fn save(case: &Case) -> Answer {
    let Some(listens) = case.text("address") else {
        return Answer::Out(json!({ "text": AddressBook::new(BookRules::DEFAULT).render() }));
    };
    let listens = address(&listens.into());
    let text = json!([{
        "Address": listens.address.to_string(),
        "Port": listens.port,
        "FirstSeen": case.text("first_seen"),
        "LastSeen": case.text("last_seen"),
        "LastAttempt": case.text("last_attempt"),
        "SuccessCount": case.int("success_count"),
        "FailureCount": case.int("failure_count"),
        "Source": case.text("source"),
    }]);
    let book = AddressBook::parse(&text.to_string(), BookRules::DEFAULT).unwrap();
    let rendered = book.render();
    let again = AddressBook::parse(&rendered, BookRules::DEFAULT).unwrap();
    assert!(again.entries().eq(book.entries()), "{}: it reads what it writes", case.id);
    Answer::Out(json!({ "text": rendered }))
}

pub(crate) fn gossip(case: &Case) -> Answer {
    let addresses = case.value("addresses").as_array().expect("addresses are given");
    let addresses = addresses.iter().map(address).collect::<Vec<_>>();
    let mut book = AddressBook::new(BookRules::DEFAULT);
    book.hear(&addresses, case.text("source").expect("a peer"), NOW_MS);
    let entry = |(address, entry): (&PeerAddress, &BookEntry)| json!({ "address": shown(address), "source": entry.source });
    let ours = book.entries().map(entry).collect();
    Answer::Out(json!({ "book": in_their_order(case, "book", ours) }))
}

pub(crate) fn exchange(case: &Case) -> Answer {
    let mut book = AddressBook::new(BookRules::DEFAULT);
    let addresses = described(case.text("book").expect("a book"));
    for (seen_ms, listens) in (NOW_MS..).step_by(60_000).zip(addresses) {
        book.add(listens.into(), "test", seen_ms).unwrap();
    }
    let (mut exchange, mut now) = (PeerExchange::new(), NOW_MS);
    let step = |step: &Value| {
        if let Some(seconds) = step.get("advance_s") {
            now += number(seconds) * 1000;
            return Value::Null;
        }
        let exclude = step["exclude"].as_array().expect("exclusions are given");
        let exclude = exclude.iter().map(|one| text(one).to_owned()).collect::<Vec<_>>();
        let max = i32::try_from(number(&step["max_count"])).unwrap();
        let peer = text(&step["from"]).to_owned();
        shown_all(&exchange.answer(&peer, max, &exclude, &book, now))
    };
    results(steps(case).iter().map(step).collect())
}

pub(crate) fn exclusion(case: &Case) -> Answer {
    let endpoint = parse_exclusion(case.text("text").expect("a text"));
    Answer::Out(json!({ "endpoint": endpoint.as_ref().map(shown) }))
}
