//! Asks the block policy, which is somebody else's code, without ever waiting
//! for it longer than it deserves.

use std::{io, sync::Arc, thread, time::Duration};

use crossbeam_channel::{Receiver, Sender, bounded};
use spacetime_sdk_loader::{
    Fault, Method,
    abi::{Candidate, FaultCode, PolicyContext},
};

use crate::{
    block::Choice,
    plugin::{PolicyOutcome, PolicySlot},
};

/// How long a policy may think. A block that is late is worth less than one
/// without transactions.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a policy may take to be ready for a question. One that is still
/// busy with the last block is not waited for.
const READY: Duration = Duration::from_millis(20);

/// The policy on a thread of its own.
#[derive(Clone)]
pub(super) struct PolicyDesk {
    questions: Sender<Question>,
    policy: Arc<PolicySlot>,
}

struct Question {
    context: PolicyContext,
    candidates: Vec<Candidate>,
    answer: Sender<PolicyOutcome>,
}

impl PolicyDesk {
    pub(super) fn start(policy: Arc<PolicySlot>) -> io::Result<Self> {
        // No room to wait: whoever finds the policy busy does without it.
        let (questions, asked) = bounded(0);
        let served = policy.clone();
        thread::Builder::new().name("policy".to_owned()).spawn(move || serve(&served, &asked))?;
        Ok(Self { questions, policy })
    }

    /// The name that faults carry.
    pub(super) fn name(&self) -> &str {
        self.policy.culprit()
    }

    /// How its author finds out more.
    pub(super) fn test(&self) -> String {
        self.policy.test()
    }

    /// So much was wrong with its choice; it is told with the block.
    pub(super) fn count_faults(&self, faults: usize) {
        self.policy.count_faults(faults as u64);
    }

    /// Asks the policy; blocks for at most its patience.
    pub(super) fn choose(&self, context: &PolicyContext, candidates: &[Candidate]) -> Choice {
        let (answer, answered) = bounded(1);
        let question = Question { context: *context, candidates: candidates.to_vec(), answer };
        let outcome = match self.questions.send_timeout(question, READY) {
            // It may have been a hard question, so it may be asked again.
            Ok(()) => answered.recv_timeout(PATIENCE).map_err(|_| Fault {
                code: FaultCode::FAILED,
                ..Fault::late(Method::Select, PATIENCE)
            }),
            Err(_) => Err(Fault::new(
                "it was not asked: its `select` has not returned since an earlier block",
            )),
        };
        match outcome {
            Ok(PolicyOutcome::Chosen(positions)) => Choice::Include(positions),
            Ok(PolicyOutcome::Veto(reason)) => Choice::Veto(reason),
            Err(fault) => {
                self.policy.failed(&fault);
                Choice::Include(Vec::new())
            }
        }
    }
}

fn serve(policy: &PolicySlot, questions: &Receiver<Question>) {
    while let Ok(Question { context, candidates, answer }) = questions.recv() {
        let outcome = policy.select(&context, &candidates);
        // If it comes too late, nobody waits any more.
        let _ = answer.try_send(outcome);
    }
}
