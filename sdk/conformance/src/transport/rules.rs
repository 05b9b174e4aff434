//! The rules for transports.

use spacetime_sdk_loader::Kind;

use super::{asked, events, peer, port, requests, session};
use crate::rule::Rule;

const TRANSPORT: Option<Kind> = Some(Kind::Transport);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "TRN-001",
        name: "a session ends within the time that it is given",
        requires: "`run` returns when the port closes, whatever it is doing.",
        why: "At the end the host waits a second for all sessions together.",
        limit: Some(
            "1 s, and `close` itself no longer than it is given. A `run` that sleeps for 5 s \
             between two attempts to connect is late, unless it waits for the port's end at the \
             same time.",
        ),
        mend: "Wait by `tokio::select!` for the port, too, wherever `run` waits, and leave what \
               blocks to `spawn_blocking` with limits of its own.",
        kind: TRANSPORT,
        test: Some(session::ends),
    },
    Rule {
        id: "TRN-002",
        name: "a session that has ended says so",
        requires: "Closing again does nothing, and requests after the end are answered with \
                   `CLOSED`.",
        why: "The host learns from it that it needs another session.",
        limit: None,
        mend: "The SDK sees to it: a plugin that breaks this was built with a broken or changed \
               one. Build it again with the SDK of your miner.",
        kind: TRANSPORT,
        test: Some(session::closed_for_good),
    },
    Rule {
        id: "TRN-003",
        name: "a session may be dropped without being closed",
        requires: "Dropping an open session ends it and its work.",
        why: "A host that is in trouble has no time to close it.",
        limit: Some("5 s; the SDK waits for two, twice."),
        mend: "The SDK sees to it for what runs in tasks. End threads of your own when the \
               transport is dropped.",
        kind: TRANSPORT,
        test: Some(session::dropped),
    },
    Rule {
        id: "TRN-004",
        name: "a host that is busy is given time",
        requires: "When the host's queue is full, an event is offered again after a pause that \
                   grows, and nothing is offered in a loop.",
        why: "A host that is busy is not helped by more to do.",
        limit: Some("300 offers in 600 ms, and the event comes within 5 s once there is room."),
        mend: "Await `port.emit`, which waits and offers again by itself; do not put a timeout \
               and a loop around it.",
        kind: TRANSPORT,
        test: Some(port::busy),
    },
    Rule {
        id: "TRN-005",
        name: "a host that is gone ends the session",
        requires: "After the host has said that it listens no more, the session ends by itself, \
                   and offers nothing more on the way.",
        why: "Nobody is there to close it.",
        limit: Some("5 s, and 300 offers."),
        mend: "Return from `run` when `port.emit` fails, as `?` does, and when \
               `port.next_request` gives none.",
        kind: TRANSPORT,
        test: Some(port::gone),
    },
    Rule {
        id: "TRN-006",
        name: "nothing happens after the session was closed",
        requires: "When `close` has returned, no event comes.",
        why: "The host may have opened the next session by then.",
        limit: Some("No event in the 400 ms after it."),
        mend: "Await or abort, before `run` returns, the tasks that have an `EventSender`.",
        kind: TRANSPORT,
        test: Some(session::silent_after_close),
    },
    Rule {
        id: "TRN-007",
        name: "a request never blocks",
        requires: "`request` queues what it is given, and returns.",
        why: "What waits behind it, such as a block that was won, waits, too.",
        limit: Some("100 ms."),
        mend: "The SDK sees to it, as long as its queue is used: take requests by \
               `port.next_request`, and do slow things in tasks.",
        kind: TRANSPORT,
        test: Some(requests::never_block),
    },
    Rule {
        id: "TRN-008",
        name: "requests and questions of unknown kinds are unsupported",
        requires: "What a newer host asks is answered with `UNSUPPORTED`, and the session goes on.",
        why: "Hosts and plugins are of different versions.",
        limit: None,
        mend: "The SDK sees to it: build the plugin again with the SDK of your miner. In a \
               `match` on requests, let the arm for all others go on.",
        kind: TRANSPORT,
        test: Some(requests::unknown),
    },
    Rule {
        id: "TRN-009",
        name: "queues have an end",
        requires: "10,000 requests at once are queued or answered with `BUSY`, and take no \
                   memory without bounds.",
        why: "A peer that is slow must not cost the miner its memory.",
        limit: Some("128 MiB for 10,000 blocks of 64 KiB."),
        mend: "Handle a request before the next one is taken from the port; give lists and \
               channels of your own a bound.",
        kind: TRANSPORT,
        test: Some(requests::bounded),
    },
    Rule {
        id: "TRN-010",
        name: "a submission has one verdict at the most",
        requires: "Verdicts carry tickets that were submitted, and each ticket one verdict.",
        why: "The host counts them.",
        limit: Some(
            "One per ticket: a submission that is refused at once and given up on later has one \
             verdict.",
        ),
        mend: "Take a ticket out of the list of those that wait when its verdict is emitted, and \
               emit none for what is not there.",
        kind: TRANSPORT,
        test: Some(requests::one_verdict),
    },
    Rule {
        id: "TRN-011",
        name: "events are well formed",
        requires: "Headers are whole and follow each other, transactions are whole, codes are \
                   known, and texts are lines for people.",
        why: "The host refuses what it cannot read, and people read its log.",
        limit: Some(
            "A header has 290 bytes, a transaction 155, a text 4,096 at the most, without \
             control characters.",
        ),
        mend: "Decode what peers send before it is handed on, emit headers from the oldest one \
               on, and cut texts of peers.",
        kind: TRANSPORT,
        test: Some(events::well_formed),
    },
    Rule {
        id: "TRN-012",
        name: "a check disturbs nobody",
        requires: "`check` returns, also beside a session, tells the host nothing by events, and \
                   leaves the session as it is.",
        why: "Users check a manifest while the miner runs.",
        limit: Some("30 s."),
        mend: "Open in `check` what it needs by itself, with a timeout of a few seconds, and \
               take no lock, port or file that a session has.",
        kind: TRANSPORT,
        test: Some(asked::check),
    },
    Rule {
        id: "TRN-013",
        name: "questions are answered in kind, or not at all",
        requires: "`ask` returns an answer of the question's kind, or an error, for ordinary \
                   questions and for nonsense.",
        why: "`balance`, `tx send` and `tx status` show what it says.",
        limit: Some("30 s."),
        mend: "Match on the question, and return an error for what there is no answer to, with a \
               timeout of a few seconds for peers.",
        kind: TRANSPORT,
        test: Some(asked::questions),
    },
    Rule {
        id: "TRN-014",
        name: "a session can be opened again after one was closed",
        requires: "When `close` has returned, files, sockets and locks are free for the next \
                   session with the same folder.",
        why: "A session that fails is opened again, and again.",
        limit: None,
        mend: "Keep files and locks in the transport or in `run`, so that they are dropped with \
               it, and wait for tasks that have them.",
        kind: TRANSPORT,
        test: Some(session::again),
    },
    Rule {
        id: "TRN-015",
        name: "hostile peers are survived",
        requires: "Peers that close at once, say nothing, send nonsense, or send without end \
                   cost neither a panic nor memory without bounds, and the session ends when it \
                   is told to.",
        why: "Anybody may be at the other end.",
        limit: Some(
            "256 MiB. A peer may announce a message of 4 GiB: what is read goes into a buffer \
             that grows with it, and has an end.",
        ),
        mend: "Bound every length before memory is taken for it, give reads a timeout, and \
               return errors for what cannot be decoded.",
        kind: TRANSPORT,
        test: Some(peer::hostile),
    },
    Rule {
        id: "TRN-016",
        name: "it does not grow with the requests that it has served",
        requires: "Memory does not grow over 100,000 requests.",
        why: "Sessions last for months.",
        limit: Some(
            "1 MiB over the second half of 100,000 requests (or --jobs), twice in a row: 24 \
             bytes per request are found, a kilobyte per request with --jobs 2000.",
        ),
        mend: "Forget a submission when it has its verdict, and one without a verdict after a \
               while; use few names of counters.",
        kind: TRANSPORT,
        test: Some(requests::no_growth),
    },
];

#[cfg(test)]
mod tests {
    use super::{
        asked::ASK,
        session::{DROP, REQUEST},
    };
    use crate::rule::rule;

    #[test]
    fn limits_are_told_as_they_are_tested() {
        let told = |id: &str| rule(id).unwrap().limit.unwrap();
        let (request, ask) = (REQUEST.as_millis(), ASK.as_secs());
        let asked =
            format!("{request} ms for a transport's request, {ask} s for `check` and `ask`");
        assert!(told("ANY-003").contains(&asked), "{}", told("ANY-003"));
        let dropped = format!("{} s for a session's", DROP.as_secs());
        assert!(told("ANY-003").contains(&dropped), "{}", told("ANY-003"));
        assert!(told("TRN-007").starts_with(&format!("{request} ms")), "{}", told("TRN-007"));
        for id in ["TRN-012", "TRN-013"] {
            assert!(told(id).starts_with(&format!("{ask} s")), "{}", told(id));
        }
    }
}
