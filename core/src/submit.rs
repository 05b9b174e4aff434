//! Submissions on their way: blocks and proofs that were handed to transports
//! and are kept until they are answered. Pure: what is due when is asked for
//! with the time as an argument, and nothing here sends anything.

use std::sync::Arc;

use spacetime_protocol::{BlockHash, Score};
use spacetime_sdk_loader::abi::ProofClaim;

/// What an answer to a submission may take before it counts as lost, ms.
pub const VERDICT_MS: u64 = 10_000;

/// First pause before something undelivered is sent again, ms; it doubles.
const RETRY_MS: u64 = 100;

/// Longest such pause, ms.
const MAX_RETRY_MS: u64 = 5_000;

/// Submissions kept at once; the oldest is given up for a newer one.
const MAX_OPEN: usize = 64;

/// A block of ours, ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnBlock {
    /// Its hash.
    pub hash: BlockHash,
    /// What it builds on.
    pub parent: BlockHash,
    /// Its epoch.
    pub epoch: u64,
    /// Its height.
    pub height: u64,
    /// The score of its proof.
    pub score: Score,
    /// The encoded block.
    pub bytes: Arc<[u8]>,
}

/// What is submitted.
#[derive(Clone, Debug)]
pub enum What {
    /// A block.
    Block(OwnBlock),
    /// A proof.
    Proof(Arc<ProofClaim>),
}

/// Who may be given a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every transport that follows the chain.
    Everybody,
    /// The transport that brought the challenge.
    One(usize),
}

/// A peer's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken.
    Accepted,
    /// Refused.
    Rejected,
    /// Too late.
    Stale,
    /// Not delivered; may be sent again.
    Undelivered,
}

impl Verdict {
    /// As it is written in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Stale => "stale",
            Self::Undelivered => "undelivered",
        }
    }
}

/// How a submission stands with the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It would still be of use.
    Current,
    /// The chain contains it.
    InChain,
    /// It came too late.
    Stale,
}

/// Hand this to a transport now.
#[derive(Clone, Debug)]
pub struct Send {
    /// To which one.
    pub source: usize,
    /// Under which number.
    pub ticket: u64,
    /// What.
    pub what: What,
    /// How often this one has been given it before.
    pub attempt: u32,
}

/// A submission that has come to its end.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// What it was.
    pub what: What,
    /// How it ended.
    pub verdict: Verdict,
    /// For people; may be empty.
    pub reason: String,
    /// Who answered, if anybody did.
    pub source: Option<usize>,
    /// From its first sending to its end, ms.
    pub elapsed_ms: u64,
}

/// All submissions that are not answered yet.
#[derive(Debug, Default)]
pub struct Submissions {
    open: Vec<Submission>,
}

#[derive(Debug)]
struct Submission {
    ticket: u64,
    what: What,
    audience: Audience,
    began_ms: u64,
    sent: Vec<Sent>,
}

#[derive(Debug)]
struct Sent {
    source: usize,
    attempts: u32,
    state: SentState,
}

#[derive(Debug)]
enum SentState {
    /// Handed over; an answer is due by then.
    Waiting { until_ms: u64 },
    /// Not delivered; to be sent again then.
    Lost { retry_ms: u64, reason: String },
    /// Answered with a no.
    Refused,
}

impl Submissions {
    /// Keeps a submission and says whom to give it to: those of `sources`
    /// (transports that can be used now) that belong to its audience. Gives
    /// up the oldest one if there are too many.
    pub fn add(
        &mut self,
        ticket: u64,
        what: What,
        audience: Audience,
        sources: impl IntoIterator<Item = usize>,
        now_ms: u64,
    ) -> (Vec<Send>, Option<Resolution>) {
        let evicted = (self.open.len() >= MAX_OPEN).then(|| {
            let reason = "too many newer submissions wait for an answer".to_owned();
            self.open.remove(0).resolve(Verdict::Undelivered, reason, None, now_ms)
        });
        let mut submission =
            Submission { ticket, what, audience, began_ms: now_ms, sent: Vec::new() };
        let sends = sources
            .into_iter()
            .filter_map(|source| submission.send_first(source, now_ms))
            .collect();
        self.open.push(submission);
        (sends, evicted)
    }

    /// Whether a submission was given to this transport and is not answered.
    pub fn is_open(&self, source: usize, ticket: u64) -> bool {
        let mut open = self.open.iter().filter(|open| open.ticket == ticket);
        open.any(|open| open.sent.iter().any(|sent| sent.source == source))
    }

    /// Takes an answer; the submission's end if it decides. An answer to
    /// nothing that is open is no answer.
    pub fn answer(
        &mut self,
        source: usize,
        ticket: u64,
        verdict: Verdict,
        reason: String,
        now_ms: u64,
    ) -> Option<Resolution> {
        let at = self.open.iter().position(|submission| submission.ticket == ticket)?;
        let submission = &mut self.open[at];
        let sent = submission.sent.iter_mut().find(|sent| sent.source == source)?;
        match verdict {
            Verdict::Accepted => {}
            Verdict::Undelivered => {
                sent.lose(now_ms, reason);
                return None;
            }
            Verdict::Rejected | Verdict::Stale => {
                sent.state = SentState::Refused;
                // Another peer may still say yes.
                if submission.sent.iter().any(|sent| !sent.is_refused()) {
                    return None;
                }
            }
        }
        Some(self.open.remove(at).resolve(verdict, reason, Some(source), now_ms))
    }

    /// A transport can be used again: what it shall be given now.
    pub fn online(&mut self, source: usize, now_ms: u64) -> Vec<Send> {
        self.open.iter_mut().filter_map(|open| open.send_first(source, now_ms)).collect()
    }

    /// A transport cannot be used: what it has not answered is lost.
    pub fn offline(&mut self, source: usize, now_ms: u64) {
        for sent in self.open.iter_mut().flat_map(|open| &mut open.sent) {
            if sent.source == source && matches!(sent.state, SentState::Waiting { .. }) {
                sent.lose(now_ms, "the connection was lost before an answer came".to_owned());
            }
        }
    }

    /// What is to be sent again, and what has ended without an answer.
    pub fn due(
        &mut self,
        now_ms: u64,
        can_use: impl Fn(usize) -> bool,
        standing: impl Fn(&What, Audience) -> Standing,
    ) -> (Vec<Send>, Vec<Resolution>) {
        let (mut sends, mut ends) = (Vec::new(), Vec::new());
        self.open.retain_mut(|open| {
            let standing = standing(&open.what, open.audience);
            open.expire(now_ms);
            if let Some(end) = open.end(standing, now_ms) {
                ends.push(end);
                return false;
            }
            open.retry(now_ms, &can_use, &mut sends);
            true
        });
        (sends, ends)
    }

    /// When [`due`](Self::due) has something to do next, Unix ms.
    pub fn next_due(&self, can_use: impl Fn(usize) -> bool) -> Option<u64> {
        let sent = self.open.iter().flat_map(|open| &open.sent);
        sent.filter_map(|sent| match sent.state {
            SentState::Waiting { until_ms } => Some(until_ms),
            SentState::Lost { retry_ms, .. } if can_use(sent.source) => Some(retry_ms),
            _ => None,
        })
        .min()
    }

    /// Blocks that are not answered yet.
    pub fn blocks(&self) -> impl Iterator<Item = &OwnBlock> {
        self.open.iter().filter_map(|open| match &open.what {
            What::Block(block) => Some(block),
            What::Proof(_) => None,
        })
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl Submission {
    fn send_first(&mut self, source: usize, now_ms: u64) -> Option<Send> {
        let wanted = match self.audience {
            Audience::Everybody => true,
            Audience::One(only) => only == source,
        };
        if !wanted || self.sent.iter().any(|sent| sent.source == source) {
            return None;
        }
        let state = SentState::Waiting { until_ms: now_ms + VERDICT_MS };
        self.sent.push(Sent { source, attempts: 1, state });
        Some(Send { source, ticket: self.ticket, what: self.what.clone(), attempt: 0 })
    }

    /// Answers that are overdue are lost.
    fn expire(&mut self, now_ms: u64) {
        for sent in &mut self.sent {
            if matches!(sent.state, SentState::Waiting { until_ms } if until_ms <= now_ms) {
                sent.lose(now_ms, format!("no answer within {} s", VERDICT_MS / 1000));
            }
        }
    }

    /// Its end, if it has come without an answer that decides.
    fn end(&self, standing: Standing, now_ms: u64) -> Option<Resolution> {
        if standing == Standing::InChain {
            let reason = "the chain contains it".to_owned();
            return Some(self.clone_resolved(Verdict::Accepted, reason, now_ms));
        }
        if self.sent.iter().any(|sent| matches!(sent.state, SentState::Waiting { .. })) {
            return None;
        }
        let reason = self.sent.iter().find_map(|sent| match &sent.state {
            SentState::Lost { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        match (standing, &self.what) {
            (Standing::Stale, _) => {
                let reason = reason.unwrap_or_else(|| "no transport could take it".to_owned());
                let reason = format!("another block came before it was delivered: {reason}");
                Some(self.clone_resolved(Verdict::Undelivered, reason, now_ms))
            }
            // Many peers do not answer proofs: silence is no reason to repeat.
            (Standing::Current, What::Proof(_)) => {
                let silent = self
                    .sent
                    .first()
                    .is_some_and(|sent| sent.attempts == 1 && now_ms >= self.began_ms + VERDICT_MS);
                silent.then(|| self.clone_resolved(Verdict::Undelivered, String::new(), now_ms))
            }
            (Standing::Current, What::Block(_)) | (Standing::InChain, _) => None,
        }
    }

    fn retry(&mut self, now_ms: u64, can_use: &impl Fn(usize) -> bool, sends: &mut Vec<Send>) {
        for sent in &mut self.sent {
            let due = matches!(sent.state, SentState::Lost { retry_ms, .. } if retry_ms <= now_ms);
            if due && can_use(sent.source) {
                sends.push(Send {
                    source: sent.source,
                    ticket: self.ticket,
                    what: self.what.clone(),
                    attempt: sent.attempts,
                });
                sent.attempts += 1;
                sent.state = SentState::Waiting { until_ms: now_ms + VERDICT_MS };
            }
        }
    }

    fn clone_resolved(&self, verdict: Verdict, reason: String, now_ms: u64) -> Resolution {
        Resolution {
            what: self.what.clone(),
            verdict,
            reason,
            source: self.sent.first().map(|sent| sent.source),
            elapsed_ms: now_ms.saturating_sub(self.began_ms),
        }
    }

    fn resolve(
        self,
        verdict: Verdict,
        reason: String,
        source: Option<usize>,
        now_ms: u64,
    ) -> Resolution {
        let elapsed_ms = now_ms.saturating_sub(self.began_ms);
        Resolution { what: self.what, verdict, reason, source, elapsed_ms }
    }
}

impl Sent {
    fn is_refused(&self) -> bool {
        matches!(self.state, SentState::Refused)
    }

    fn lose(&mut self, now_ms: u64, reason: String) {
        let pause = RETRY_MS.saturating_mul(1 << self.attempts.saturating_sub(1).min(10));
        self.state = SentState::Lost { retry_ms: now_ms + pause.min(MAX_RETRY_MS), reason };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> What {
        What::Block(OwnBlock {
            hash: BlockHash::new([1; 32]),
            parent: BlockHash::ZERO,
            epoch: 1,
            height: 1,
            score: Score::ZERO,
            bytes: Arc::from(vec![0_u8; 4]),
        })
    }

    fn add(open: &mut Submissions, sources: &[usize]) -> Vec<Send> {
        open.add(7, block(), Audience::Everybody, sources.iter().copied(), 1000).0
    }

    #[test]
    fn one_yes_decides_and_a_no_only_when_nobody_is_left() {
        let mut open = Submissions::default();
        assert_eq!(add(&mut open, &[0, 1]).len(), 2);
        assert!(open.answer(0, 7, Verdict::Rejected, "old".into(), 1001).is_none());
        let end = open.answer(1, 7, Verdict::Accepted, String::new(), 1002).unwrap();
        assert_eq!((end.verdict, end.source, end.elapsed_ms), (Verdict::Accepted, Some(1), 2));
        assert!(open.is_empty());
        add(&mut open, &[0, 1]);
        assert!(open.answer(1, 7, Verdict::Stale, "late".into(), 1001).is_none());
        let end = open.answer(0, 7, Verdict::Rejected, "bad".into(), 1002).unwrap();
        assert_eq!((end.verdict, end.reason.as_str()), (Verdict::Rejected, "bad"));
        assert!(open.answer(0, 7, Verdict::Accepted, String::new(), 1003).is_none());
    }

    #[test]
    fn what_was_not_delivered_is_sent_again_with_growing_pauses_while_it_is_current() {
        let mut open = Submissions::default();
        add(&mut open, &[0]);
        let (mut now, mut pauses) = (1000, Vec::new());
        for _ in 0..8 {
            assert!(open.answer(0, 7, Verdict::Undelivered, "busy".into(), now).is_none());
            let due = open.next_due(|_| true).unwrap();
            let early = open.due(due - 1, |_| true, |_, _| Standing::Current);
            assert!(early.0.is_empty() && early.1.is_empty());
            pauses.push(due - now);
            now = due;
            let (sends, ends) = open.due(now, |_| true, |_, _| Standing::Current);
            assert_eq!((sends.len(), ends.len()), (1, 0));
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        open.answer(0, 7, Verdict::Undelivered, "busy".into(), now);
        let (sends, ends) = open.due(now, |_| true, |_, _| Standing::Stale);
        assert!(sends.is_empty());
        assert_eq!(ends[0].verdict, Verdict::Undelivered);
        assert!(open.is_empty());
    }

    #[test]
    fn a_lost_answer_is_found_in_the_chain() {
        let mut open = Submissions::default();
        add(&mut open, &[0]);
        open.offline(0, 1500);
        assert!(open.next_due(|_| false).is_none(), "nothing is sent to whom cannot take it");
        let (_, ends) = open.due(1500, |_| false, |_, _| Standing::InChain);
        assert_eq!(ends[0].verdict, Verdict::Accepted);
        add(&mut open, &[0]);
        let (_, ends) = open.due(1001, |_| true, |_, _| Standing::InChain);
        assert_eq!(ends[0].verdict, Verdict::Accepted, "the answer is not waited for");
    }

    #[test]
    fn a_block_made_while_nobody_listens_is_kept_until_somebody_does() {
        let mut open = Submissions::default();
        assert!(add(&mut open, &[]).is_empty());
        let (sends, ends) = open.due(60_000, |_| false, |_, _| Standing::Current);
        assert!(sends.is_empty() && ends.is_empty());
        assert_eq!(open.online(2, 61_000).len(), 1);
        assert!(open.online(2, 61_001).is_empty(), "it has it already");
        assert_eq!(open.next_due(|_| true), Some(61_000 + VERDICT_MS));
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut open = Submissions::default();
        for ticket in 0..MAX_OPEN as u64 {
            let (_, evicted) = open.add(ticket, block(), Audience::Everybody, [0], 0);
            assert!(evicted.is_none());
        }
        let (_, evicted) = open.add(99, block(), Audience::Everybody, [0], 5);
        assert_eq!(evicted.unwrap().verdict, Verdict::Undelivered);
        assert_eq!(open.len(), MAX_OPEN);
    }
}
