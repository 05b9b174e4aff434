//! The state's side of submissions: who gets what, what answers mean.

use super::State;
use crate::{
    engine::{command::Command, event::Now},
    observe::{Answered, Detail, Fault, Submittable, Submitted},
    submit::{Audience, Resolution, Send, Standing, Verdict, What},
};

impl State {
    /// Hands a block or proof over, and keeps it until it is answered.
    pub(super) fn submit(&mut self, what: What, audience: Audience, now: Now) {
        let ticket = self.next_id();
        let online = self.sources.iter().enumerate().filter(|(_, source)| source.online);
        // A block on the chain is nothing for a pool with a chain of its own.
        let sources: Vec<usize> = online
            .filter(|(_, source)| audience != Audience::Everybody || source.follows_chain)
            .map(|(at, _)| at)
            .collect();
        self.counters.submitted += 1;
        let (sends, evicted) = self.submissions.add(ticket, what, audience, sources, now.unix_ms);
        self.send(sends, now);
        if let Some(evicted) = evicted {
            self.resolved(evicted, now);
        }
    }

    pub(super) fn send(&mut self, sends: Vec<Send>, now: Now) {
        for send in sends {
            let Send { source, ticket, what, attempt } = send;
            let transport = self.sources[source].name.clone();
            let (what, hash, score, at) = match what {
                What::Block(block) => {
                    let block_bytes = block.bytes.clone();
                    self.out.push(Command::SubmitBlock { source, ticket, block: block_bytes });
                    let at = (block.epoch, block.height);
                    (Submittable::Block, Some(block.hash), block.score, at)
                }
                What::Proof(claim) => {
                    let (score, at) = (claim.score.into(), (claim.epoch, claim.height));
                    self.out.push(Command::SubmitProof { source, ticket, claim });
                    (Submittable::Proof, None, score, at)
                }
            };
            let detail = Detail::Submitted(Submitted { what, hash, score, transport, attempt });
            self.tell(now, Some(at.0), Some(at.1), detail);
        }
    }

    /// A transport has answered, or could not take a submission.
    pub(super) fn answered(
        &mut self,
        source: usize,
        ticket: u64,
        verdict: Verdict,
        reason: String,
        now: Now,
    ) {
        if verdict == Verdict::Undelivered && self.submissions.is_open(source, ticket) {
            let culprit = self.sources[source].name.clone();
            let message = format!("it could not deliver what we found: {reason}");
            let next = "it is sent again for as long as it is of use";
            self.fault(Fault::new(culprit, message, next), now);
        }
        let resolved = self.submissions.answer(source, ticket, verdict, reason, now.unix_ms);
        if let Some(resolved) = resolved {
            self.resolved(resolved, now);
        }
    }

    /// Sends again what is due, and drops what has become useless.
    pub(super) fn settle_submissions(&mut self, now: Now) {
        let mut submissions = std::mem::take(&mut self.submissions);
        let (sends, ends) = submissions.due(
            now.unix_ms,
            |source| self.sources[source].online,
            |what, audience| self.standing(what, audience),
        );
        self.submissions = submissions;
        self.send(sends, now);
        for end in ends {
            self.resolved(end, now);
        }
    }

    fn standing(&self, what: &What, audience: Audience) -> Standing {
        let newest = |source: usize| self.sources[source].challenge.as_ref();
        match (what, audience) {
            (What::Block(block), Audience::Everybody) => {
                let tip = self.chain.tip();
                let sibling = tip.header.parent == block.parent && block.score < tip.header.score;
                if self.chain.contains(block.height, &block.hash) {
                    Standing::InChain
                } else if self.chain.is_led_by(block.height, &block.parent) || sibling {
                    Standing::Current
                } else {
                    Standing::Stale
                }
            }
            (What::Block(block), Audience::One(source)) => {
                match newest(source).is_some_and(|newest| newest.parent != block.parent) {
                    true => Standing::Stale,
                    false => Standing::Current,
                }
            }
            (What::Proof(claim), Audience::One(source)) => {
                match newest(source).is_some_and(|new| new.challenge_id != claim.challenge_id) {
                    true => Standing::Stale,
                    false => Standing::Current,
                }
            }
            (What::Proof(claim), Audience::Everybody) => {
                match self.chain.tip().header.height + 1 == claim.height {
                    true => Standing::Current,
                    false => Standing::Stale,
                }
            }
        }
    }

    fn resolved(&mut self, end: Resolution, now: Now) {
        let transport = end.source.map(|source| self.sources[source].name.clone());
        let block = match end.what {
            What::Block(block) => block,
            What::Proof(_) if end.verdict == Verdict::Rejected => {
                let culprit = transport.unwrap_or_default();
                let message = format!("it refused a proof: {}", end.reason);
                return self.fault(Fault::new(culprit, message, "scanning goes on"), now);
            }
            What::Proof(_) => return,
        };
        let answered = Answered {
            hash: block.hash,
            verdict: end.verdict.name(),
            reason: end.reason,
            transport,
            answer_ms: end.elapsed_ms,
        };
        let detail = if end.verdict == Verdict::Accepted {
            self.counters.accepted += 1;
            self.accepted.add(&block);
            Detail::Accepted(answered)
        } else {
            self.counters.rejected += 1;
            self.published.take_if(|published| *published == (block.parent, block.epoch));
            Detail::Rejected(answered)
        };
        self.tell(now, Some(block.epoch), Some(block.height), detail);
        self.settle_accepted(now);
    }
}
