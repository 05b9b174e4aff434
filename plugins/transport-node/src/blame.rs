//! What the operator is told of nodes that say what cannot be true, or cannot
//! be followed, while there is more to follow than they.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use spacetime_node::net::Lost;
use spacetime_sdk::{
    Error,
    protocol::wire::{End, FrameError},
};

/// A node is told of so often at most, whatever it says.
const PAUSE: Duration = Duration::from_secs(60);

/// What was told of each node.
#[derive(Debug, Default)]
pub(crate) struct Blame {
    told: BTreeMap<String, Told>,
}

#[derive(Debug)]
struct Told {
    reason: String,
    at: Instant,
}

impl Blame {
    /// Makes it a fault of the transport, if it is news; `reason` names the
    /// node.
    pub(crate) fn tell(&mut self, node: &str, reason: &str) {
        if self.is_news(node, reason, Instant::now()) {
            spacetime_sdk::report(Error::new(format_args!("node {reason}")));
        }
    }

    /// It is told otherwise.
    pub(crate) fn is_told(&mut self, node: &str, reason: &str) {
        self.is_news(node, reason, Instant::now());
    }

    /// The node is followed: what it does wrong from now on is news.
    pub(crate) fn forgive(&mut self, node: &str) {
        if let Some(told) = self.told.get_mut(node) {
            told.reason.clear();
        }
    }

    fn is_news(&mut self, node: &str, reason: &str, now: Instant) -> bool {
        let is_old = self.told.get(node).is_some_and(|told| {
            told.reason == reason || now.saturating_duration_since(told.at) < PAUSE
        });
        if !is_old {
            let told = Told { reason: reason.to_owned(), at: now };
            self.told.insert(node.to_owned(), told);
        }
        !is_old
    }
}

/// Whether a connection was lost for what the node said, or did not answer.
pub(crate) fn blames(lost: &Lost) -> bool {
    match lost {
        Lost::Lie(_) | Lost::Misbehaved(_) => true,
        Lost::End(end) => blames_end(end),
        _ => false,
    }
}

/// As [`blames`].
pub(crate) fn blames_end(end: &End) -> bool {
    use FrameError::{Length, Type};
    matches!(end, End::Payloads(_) | End::Frame(Length(_) | Type(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lie_is_told_once_and_a_node_once_a_minute() {
        let mut blame = Blame::default();
        let now = Instant::now();
        let mut tell =
            |node, reason, seconds| blame.is_news(node, reason, now + Duration::from_secs(seconds));
        assert!(tell("a", "this", 0) && tell("b", "this", 0));
        assert!(!tell("a", "this", 1) && !tell("a", "that", 59));
        assert!(tell("a", "that", 60) && !tell("a", "that", 3600));
        assert!(!tell("b", "this", 3600), "it was never followed meanwhile");
        blame.forgive("b");
        assert!(blame.is_news("b", "this", now + Duration::from_secs(3600)));
        blame.forgive("b");
        assert!(!blame.is_news("b", "this", now + Duration::from_secs(3601)), "a minute");
    }
}
