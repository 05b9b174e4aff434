//! What a peer will be sent once there is room for it, bounded: a peer may ask
//! without end, and read nothing.

use std::collections::VecDeque;

use spacetime_protocol::BlockHash;
use spacetime_protocol::wire::Message;

/// Questions of a peer that wait at most, and the bytes of the addresses that
/// they exclude.
const MAX_QUESTIONS: usize = 1024;
const MAX_EXCLUDED: usize = 256 << 10;

/// One thing that a peer will be sent.
pub(super) enum Owed {
    /// The answers to its question.
    Answer(Message),
    /// A block of our chain that it lacks.
    Block(BlockHash),
    /// Our tip, and what was won on it.
    Tip,
}

/// All that a peer will be sent, in this order.
#[derive(Default)]
pub(super) struct Debts {
    owed: VecDeque<Owed>,
    excluded: usize,
}

impl Debts {
    pub(super) fn push(&mut self, owed: Owed) {
        self.excluded += excluded_by(&owed);
        self.owed.push_back(owed);
    }

    /// What is owed longest.
    pub(super) fn pop(&mut self) -> Option<Owed> {
        let owed = self.owed.pop_front()?;
        self.excluded -= excluded_by(&owed);
        Some(owed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty()
    }

    /// Whether no further question shall be read.
    pub(super) fn is_full(&self) -> bool {
        self.owed.len() >= MAX_QUESTIONS || self.excluded >= MAX_EXCLUDED
    }
}

/// The bytes of the addresses that a question excludes, as long as a frame may
/// be.
fn excluded_by(owed: &Owed) -> usize {
    match owed {
        Owed::Answer(Message::GetPeers { exclude, .. }) => exclude.iter().map(String::len).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_bounded_in_number_and_bytes() {
        let mut debts = Debts::default();
        for _ in 0..MAX_QUESTIONS {
            assert!(!debts.is_full());
            debts.push(Owed::Tip);
        }
        assert!(debts.is_full());
        while debts.pop().is_some() {}
        let question = || Message::GetPeers { max: 1, exclude: vec!["1".repeat(MAX_EXCLUDED / 8)] };
        for _ in 0..8 {
            assert!(!debts.is_full());
            debts.push(Owed::Answer(question()));
        }
        assert!(debts.is_full());
        debts.pop();
        assert!(!debts.is_full(), "what is answered makes room");
    }
}
