//! What is asked of transports.

mod asked;
mod events;
mod peer;
mod port;
mod requests;
mod session;

use spacetime_sdk_loader::Kind;

pub(crate) use self::session::Session;
use crate::rule::Rule;

const TRANSPORT: Option<Kind> = Some(Kind::Transport);

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "TRN-001",
        name: "a session ends within the time that it is given",
        requires: "`run` returns when the port closes, whatever it is doing: at the end the \
                   host waits a second for all sessions together.",
        kind: TRANSPORT,
        test: Some(session::ends),
    },
    Rule {
        id: "TRN-002",
        name: "a session that has ended says so",
        requires: "Closing again does nothing, and requests after the end are answered with \
                   `CLOSED`.",
        kind: TRANSPORT,
        test: Some(session::closed_for_good),
    },
    Rule {
        id: "TRN-003",
        name: "a session may be dropped without being closed",
        requires: "Dropping an open session ends it and its work, within the seconds that the \
                   SDK waits.",
        kind: TRANSPORT,
        test: Some(session::dropped),
    },
    Rule {
        id: "TRN-004",
        name: "a host that is busy is given time",
        requires: "When the host's queue is full, an event is offered again after a pause that \
                   grows, and nothing is offered in a loop.",
        kind: TRANSPORT,
        test: Some(port::busy),
    },
    Rule {
        id: "TRN-005",
        name: "a host that is gone ends the session",
        requires: "After the host has said that it listens no more, the session ends by itself, \
                   and offers nothing more on the way.",
        kind: TRANSPORT,
        test: Some(port::gone),
    },
    Rule {
        id: "TRN-006",
        name: "nothing happens after the session was closed",
        requires: "When `close` has returned, no event comes: the host may have opened the next \
                   session by then.",
        kind: TRANSPORT,
        test: Some(session::silent_after_close),
    },
    Rule {
        id: "TRN-007",
        name: "a request never blocks",
        requires: "`request` queues what it is given and returns within 100 ms: the mining loop \
                   calls it.",
        kind: TRANSPORT,
        test: Some(requests::never_block),
    },
    Rule {
        id: "TRN-008",
        name: "requests and questions of unknown kinds are unsupported",
        requires: "What a newer host asks is answered with `UNSUPPORTED`, and the session goes \
                   on.",
        kind: TRANSPORT,
        test: Some(requests::unknown),
    },
    Rule {
        id: "TRN-009",
        name: "queues have an end",
        requires: "10,000 requests at once are queued or answered with `BUSY`, and take no \
                   memory without bounds.",
        kind: TRANSPORT,
        test: Some(requests::bounded),
    },
    Rule {
        id: "TRN-010",
        name: "a submission has one verdict at the most",
        requires: "Verdicts carry tickets that were submitted, and each ticket one verdict: the \
                   host counts them.",
        kind: TRANSPORT,
        test: Some(requests::one_verdict),
    },
    Rule {
        id: "TRN-011",
        name: "events are well formed",
        requires: "Headers are whole and follow each other, transactions are whole, codes are \
                   known, and texts are lines for people: of 4,096 bytes at the most, and without \
                   control characters.",
        kind: TRANSPORT,
        test: Some(events::well_formed),
    },
    Rule {
        id: "TRN-012",
        name: "a check disturbs nobody",
        requires: "`check` returns within 30 s, also beside a session, tells the host nothing \
                   by events, and leaves the session as it is.",
        kind: TRANSPORT,
        test: Some(asked::check),
    },
    Rule {
        id: "TRN-013",
        name: "questions are answered in kind, or not at all",
        requires: "`ask` returns within 30 s with an answer of the question's kind, or an \
                   error, for ordinary questions and for nonsense.",
        kind: TRANSPORT,
        test: Some(asked::questions),
    },
    Rule {
        id: "TRN-014",
        name: "a session can be opened again after one was closed",
        requires: "When `close` has returned, files, sockets and locks are free for the next \
                   session with the same folder.",
        kind: TRANSPORT,
        test: Some(session::again),
    },
    Rule {
        id: "TRN-015",
        name: "hostile peers are survived",
        requires: "Peers that close at once, say nothing, send nonsense, or send without end \
                   cost neither a panic nor memory without bounds, and the session ends when it \
                   is told to.",
        kind: TRANSPORT,
        test: Some(peer::hostile),
    },
    Rule {
        id: "TRN-016",
        name: "it does not grow with the requests that it has served",
        requires: "Memory does not grow over 100,000 requests.",
        kind: TRANSPORT,
        test: Some(requests::no_growth),
    },
];
