//! The reference's vectors of synchronisation (`sync`): its synchroniser and
//! its exchange of peers against scripted nodes, here with ours.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../common/mod.rs"]
mod common;

#[path = "../relay/book.rs"]
mod book;
mod chain;
mod differences;
mod expect;
mod peers;
mod play;
mod script;
mod sync;

use chain::Scripted;

#[test]
fn chains_are_fetched_as_by_the_reference() {
    let scripted = Scripted::load();
    common::run("sync", 29, &differences::EXCEPTIONS, |case| match case.op.as_str() {
        "chain" => chain::blocks(case),
        "sync" => sync::sync(case, &scripted),
        "request_peers" => peers::request(case),
        "gossip" => peers::gossip(case),
        _ => case.unknown(),
    });
}

/// Whatever a script says, and whenever: by number, as the reference was
/// answered, too, we end with it, and hold nothing that does not hang together.
#[test]
fn replies_that_are_no_answers_lead_nowhere() {
    let scripted = Scripted::load();
    for case in common::load("sync").iter().filter(|case| case.op == "sync") {
        sync::by_number(case, &scripted);
    }
}
