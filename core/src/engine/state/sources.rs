//! What each transport has brought so far.

use std::sync::Arc;

use spacetime_protocol::BlockHash;

use super::task::Task;
use crate::block::Candidates;

/// A request for headers is not repeated within this time, ms.
const FETCH_MS: u64 = 2_000;

/// One transport, as the state sees it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) online: bool,
    /// Whether it has brought headers that lead to a chain we know.
    pub(super) follows_chain: bool,
    /// The challenge that it brought last.
    pub(super) challenge: Option<Arc<Task>>,
    pub(super) candidates: Option<Arc<Candidates>>,
    /// Headers were asked for; an answer is due by then, Unix ms.
    fetching_until: Option<u64>,
}

impl Source {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            online: false,
            follows_chain: false,
            challenge: None,
            candidates: None,
            fetching_until: None,
        }
    }

    /// Whether headers may be asked for now; if so, they are being asked for.
    pub(super) fn begin_fetch(&mut self, now_ms: u64) -> bool {
        if self.fetching_until.is_some_and(|until| now_ms < until) {
            return false;
        }
        self.fetching_until = Some(now_ms + FETCH_MS);
        true
    }

    /// Headers have come; whether they had been asked for.
    pub(super) fn end_fetch(&mut self) -> bool {
        self.fetching_until.take().is_some()
    }

    pub(super) fn candidates_on(&self, tip: &BlockHash) -> Option<&Arc<Candidates>> {
        self.candidates.as_ref().filter(|candidates| candidates.tip == *tip)
    }

    /// Its session is over or its peer gone: what it said may be outdated.
    pub(super) fn go_offline(&mut self) {
        self.online = false;
        self.challenge = None;
        self.candidates = None;
        self.fetching_until = None;
    }
}
