//! Checks and questions, which open no session.

use std::time::Duration;

use spacetime_sdk::protocol::{
    Identity,
    keys::{Scheme, SecretKey},
    transaction::Transaction,
};
use spacetime_sdk_loader::{
    Transport,
    abi::{Answer, Emitted, Question},
};

use super::session::{Session, with_node, with_request};
use crate::probe::{Blame, Judged, Probe, Stop};

/// What a check or a question may take; the host's limit.
pub(super) const ASK: Duration = Duration::from_secs(30);

/// A node that nobody can reach: the port is reserved.
pub(super) const NOBODY: &str = "127.0.0.1:1";

pub(super) fn check(probe: &Probe) -> Judged {
    let node = probe.task.subject.node.clone().unwrap_or_else(|| NOBODY.to_owned());
    let config = with_node(&probe.task.subject.config, &node);
    let check = |folder: &str| {
        let folder = probe.task.data_folder().join(folder);
        let checked = with_request(&folder, &node, |transport| {
            let check = || Transport::check(probe.library(), &probe.request(&config), transport);
            probe.call("check", ASK, check)
        });
        // That it finds something wrong is what it is for.
        match checked.and_then(|checked| checked) {
            Err(fault) if fault.is_fatal() => Err(probe.fault(&fault, Blame::all("TRN-012"))),
            _ => Ok(()),
        }
    };
    probe.given("a folder that is empty");
    check("checked")?;
    probe.given("a session that is open");
    let mut session = Session::open(probe, Emitted::ACCEPTED)?;
    let had_ended = session.has_ended()?;
    check("checked beside")?;
    if session.has_ended()? && !had_ended {
        return Err(probe.broken("TRN-012", "the session ended"));
    }
    session.close()
}

pub(super) fn questions(probe: &Probe) -> Judged {
    let node = probe.task.subject.node.clone().unwrap_or_else(|| NOBODY.to_owned());
    let config = with_node(&probe.task.subject.config, &node);
    let folder = probe.task.data_folder().join("asked");
    for (what, question) in questions_to_ask(probe)? {
        probe.given(what);
        let is_answer = kind_of_answer(&question);
        let answered = with_request(&folder, &node, |transport| {
            let request = probe.request(&config);
            let ask = || Transport::ask(probe.library(), &request, transport, question);
            probe.call("ask", ASK, ask)
        });
        match answered.and_then(|answered| answered) {
            Ok(answer) if is_answer(&answer) => {}
            Ok(answer) => {
                let kind = name_of(&answer);
                let seen = format_args!("the answer is of another kind: {kind}");
                return Err(probe.broken("TRN-013", seen));
            }
            Err(fault) if fault.is_fatal() => {
                return Err(probe.fault(&fault, Blame::all("TRN-013")));
            }
            // What there is no answer to is an error.
            Err(_) => {}
        }
    }
    Ok(())
}

fn questions_to_ask(probe: &Probe) -> Result<Vec<(&'static str, Question)>, Stop> {
    let failed = |error: &dyn std::fmt::Display| {
        Stop::NotJudged(format!("no transaction can be made: {error}"))
    };
    let key = SecretKey::new(Scheme::Ed25519, [1; 32].into()).map_err(|error| failed(&error))?;
    let payment = Transaction {
        version: 1,
        sender: key.identity(),
        recipient: Identity::new([0xED; 33]),
        amount: 1,
        nonce: 0,
        fee: 1,
        signature: None,
    };
    let signed = payment.sign(&key).encode().map_err(|error| failed(&error))?;
    let submit = |bytes: &[u8]| Question::SubmitTransaction {
        transaction: bytes.to_vec().into(),
        replace: false,
    };
    let mut nonsense = [0; 155];
    probe.random().fill(&mut nonsense);
    Ok(vec![
        ("how the chain stands", Question::Tip),
        ("an account", Question::Account { identity: [0xED; 33] }),
        ("an account of nobody", Question::Account { identity: [0xFF; 33] }),
        ("a transaction that nobody knows", Question::Transaction { hash: [9; 32] }),
        ("a transaction to be sent", submit(&signed)),
        ("155 random bytes to be sent", submit(&nonsense)),
        ("no bytes to be sent", submit(&[])),
    ])
}

/// What authors call an answer.
fn name_of(answer: &Answer) -> &'static str {
    match answer {
        Answer::Tip { .. } => "Answer::Tip",
        Answer::Account { .. } => "Answer::Account",
        Answer::Submitted { .. } => "Answer::Submitted",
        Answer::Refused { .. } => "Answer::Refused",
        Answer::Transaction { .. } => "Answer::Transaction",
        _ => "one that this kit does not know",
    }
}

fn kind_of_answer(question: &Question) -> fn(&Answer) -> bool {
    match question {
        Question::Tip => |answer| matches!(answer, Answer::Tip { .. }),
        Question::Account { .. } => |answer| matches!(answer, Answer::Account { .. }),
        Question::SubmitTransaction { .. } => {
            |answer| matches!(answer, Answer::Submitted { .. } | Answer::Refused { .. })
        }
        Question::Transaction { .. } => |answer| matches!(answer, Answer::Transaction { .. }),
        // This kit asks no other.
        _ => |_| true,
    }
}
