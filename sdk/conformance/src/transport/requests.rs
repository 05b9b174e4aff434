//! What a session is asked for.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use spacetime_sdk_loader::{
    Fault, Transport,
    abi::{Emitted, FaultCode, ProofClaim, Request, abi_stable::std_types::RBox},
};

use super::{
    asked::{ASK, NOBODY},
    session::{REQUEST, Session, with_node, with_request},
};
use crate::probe::{Blame, Judged, Probe, Stop, grows, resources};

/// A block that is none.
fn block(ticket: u64, bytes: usize) -> Request {
    Request::SubmitBlock { ticket, block: vec![0xB1; bytes].into() }
}

/// A proof that is none.
fn proof(ticket: u64) -> Request {
    let claim = ProofClaim {
        challenge_id: 1,
        challenge: [1; 32],
        epoch: 1,
        height: 1,
        score: [1; 32],
        plot_root: [1; 32],
        miner: [7; 33],
        proof: vec![1; 100].into(),
        reserved: [0; 16],
    };
    Request::SubmitProof { ticket, claim: RBox::new(claim) }
}

/// Breaks a rule if a request is refused for another reason than that the
/// queue is full or the session over; whether it was taken.
fn taken(probe: &Probe, answer: Result<(), Fault>) -> Result<bool, Stop> {
    match answer {
        Ok(()) => Ok(true),
        Err(fault) if matches!(fault.code, FaultCode::BUSY | FaultCode::CLOSED) => Ok(false),
        Err(fault) => {
            let seen = format_args!("a request is answered with neither BUSY nor CLOSED: {fault}");
            Err(probe.broken("TRN-009", seen))
        }
    }
}

pub(super) fn never_block(probe: &Probe) -> Judged {
    for (what, answer) in
        [("a host that listens", Emitted::ACCEPTED), ("a host that is busy", Emitted::BUSY)]
    {
        probe.given(format_args!("a thousand requests of {what}"));
        let mut session = Session::open(probe, answer)?;
        for ticket in 0..1000 {
            let begun = Instant::now();
            let answer = session.request(block(ticket, 1000));
            if begun.elapsed() > REQUEST {
                let took = begun.elapsed().as_millis();
                return Err(probe.too_slow("TRN-007", format_args!("request took {took} ms")));
            }
            taken(probe, answer)?;
        }
        session.close()?;
    }
    Ok(())
}

pub(super) fn unknown(probe: &Probe) -> Judged {
    let is_unsupported = |what: &str, answer: Result<(), Fault>| match answer {
        Err(fault) if fault.code == FaultCode::UNSUPPORTED => Ok(()),
        Err(fault) => Err(probe.broken("TRN-008", format_args!("{what} is answered by: {fault}"))),
        Ok(()) => Err(probe.broken("TRN-008", format_args!("{what} is taken"))),
    };
    probe.given("a request of a kind that no version has");
    let mut session = Session::open(probe, Emitted::ACCEPTED)?;
    let had_ended = session.has_ended()?;
    let answer = session.request_unknown();
    is_unsupported("the request", answer)?;
    if session.has_ended()? && !had_ended {
        return Err(probe.broken("TRN-008", "the session ended"));
    }
    session.close()?;
    probe.given("a question of a kind that no version has");
    let node = probe.task.subject.node.clone().unwrap_or_else(|| NOBODY.to_owned());
    let config = with_node(&probe.task.subject.config, &node);
    let answer = with_request(&probe.task.data_folder().join("asked"), &node, |transport| {
        let ask = || Transport::ask_unknown(probe.library(), &probe.request(&config), transport);
        probe.call("ask", ASK, ask)
    });
    is_unsupported("the question", answer.and_then(|answer| answer.map(drop)))
}

/// Requests that come at once, and the size of each.
const AT_ONCE: u64 = 10_000;
const SIZE: usize = 64 << 10;

/// What they may take: what the SDK queues, several times over.
const ROOM: u64 = 128 << 20;

pub(super) fn bounded(probe: &Probe) -> Judged {
    probe.given(format_args!("{AT_ONCE} blocks of {} KiB, of a host that is busy", SIZE >> 10));
    let mut session = Session::open(probe, Emitted::BUSY)?;
    let before = resources();
    let (mut queued, mut refused) = (0, 0);
    for ticket in 0..AT_ONCE {
        let answer = session.request(block(ticket, SIZE));
        match taken(probe, answer)? {
            true => queued += 1,
            false => refused += 1,
        }
        if refused % 20 == 19 {
            // One that takes them in without bounds gets the time to do so.
            thread::sleep(Duration::from_millis(1));
            refused += 1;
        }
    }
    let taken =
        resources().zip(before).map(|(now, before)| now.memory.saturating_sub(before.memory));
    match taken {
        None => probe.note("this system does not say what a process takes"),
        Some(taken) if taken > ROOM => {
            let seen = format_args!("{queued} were queued, and take {} MiB", taken >> 20);
            return Err(probe.broken("TRN-009", seen));
        }
        Some(_) => {}
    }
    session.port.answer(Emitted::ACCEPTED);
    session.close()
}

/// Submissions of each kind.
const SUBMISSIONS: u64 = 50;

/// How long verdicts are waited for; a peer need not answer.
const VERDICTS: Duration = Duration::from_secs(1);

pub(super) fn one_verdict(probe: &Probe) -> Judged {
    probe.given(format_args!("{SUBMISSIONS} blocks and {SUBMISSIONS} proofs that are none"));
    let mut session = Session::open(probe, Emitted::ACCEPTED)?;
    let mut tickets = BTreeSet::new();
    for number in 0..SUBMISSIONS {
        for request in [block(100 + number, 300), proof(1000 + number)] {
            let ticket = match &request {
                Request::SubmitBlock { ticket, .. } | Request::SubmitProof { ticket, .. } => {
                    *ticket
                }
                _ => continue,
            };
            let answer = session.request(request);
            if taken(probe, answer)? {
                tickets.insert(ticket);
            }
        }
    }
    if !session.port.wait_for_verdicts(tickets.len(), VERDICTS) {
        let (answered, all) = (session.port.verdicts().len(), tickets.len());
        probe.note(format_args!("{answered} of {all} submissions were answered"));
    }
    // A second verdict comes after the first.
    thread::sleep(Duration::from_millis(200));
    for (ticket, verdicts) in session.port.verdicts() {
        if verdicts > 1 {
            let seen = format_args!("ticket {ticket} got {verdicts} verdicts");
            return Err(probe.broken("TRN-010", seen));
        }
        if !tickets.contains(&ticket) {
            let seen = format_args!("ticket {ticket} got a verdict, and was never taken");
            return Err(probe.broken("TRN-010", seen));
        }
    }
    session.close()
}

/// How long a full queue may stay full.
const FULL: Duration = Duration::from_secs(5);

pub(super) fn no_growth(probe: &Probe) -> Judged {
    probe.given("one proof after another");
    let mut session = Session::open(probe, Emitted::ACCEPTED)?;
    grows(probe, "TRN-016", probe.task.subject.jobs, |ticket| {
        let begun = Instant::now();
        loop {
            match session.request(proof(ticket)) {
                Ok(()) => return Ok(()),
                Err(fault) if fault.code == FaultCode::BUSY && begun.elapsed() < FULL => {
                    // The session has to catch up.
                    thread::sleep(Duration::from_millis(1));
                }
                Err(fault) if matches!(fault.code, FaultCode::BUSY | FaultCode::CLOSED) => {
                    return Err(Stop::NotJudged(format!("after {ticket} requests: {fault}")));
                }
                Err(fault) => return Err(probe.fault(&fault, Blame::all("TRN-009"))),
            }
        }
    })?;
    session.close()
}
