//! An engine under test.

use std::{sync::atomic::AtomicBool, time::Duration};

use spacetime_sdk_loader::{Engine, abi::BestLeaf};

use crate::{
    any::Instance,
    oracle::lowest,
    probe::{Blame, Judged, Probe, Stop},
};

/// What a scan of a mebibyte may take; the host's limit.
pub(super) const SCAN_LIMIT: Duration = Duration::from_secs(5);

/// Ordinary batches; claims that the host refuses are about the bound.
pub(super) const ORDINARY: Blame =
    Blame { breach: "ENG-002", failure: "ENG-004", panic: "ANY-004" };

pub(super) struct Scorer<'p> {
    pub(super) probe: &'p Probe,
    engine: Option<Engine>,
    blame: Blame,
}

impl<'p> Scorer<'p> {
    /// Opens the engine.
    pub(super) fn open(probe: &'p Probe, blame: Blame) -> Result<Self, Stop> {
        match Instance::must_open(probe, Blame::OPENING)? {
            Instance::Engine(engine) => Ok(Self { probe, engine: Some(engine), blame }),
            _ => Err(Stop::NotJudged("it is no engine".to_owned())),
        }
    }

    /// Scans a batch; the limit is that of a mebibyte.
    pub(super) fn scan(
        &self,
        challenge: &[u8; 32],
        leaves: &[u8],
        bound: &[u8; 32],
        cancel: &AtomicBool,
    ) -> Result<Option<BestLeaf>, Stop> {
        let engine = self.engine.as_ref().expect("only drop takes it");
        let mebibytes = u32::try_from(leaves.len() >> 20).unwrap_or(u32::MAX).max(1);
        let scan = || engine.scan(challenge, leaves, bound, cancel);
        let found = self.probe.call("scan", SCAN_LIMIT * mebibytes, scan);
        found.map_err(|fault| self.probe.fault(&fault, self.blame))
    }

    /// Scans a batch and compares the answer with the protocol's definition.
    pub(super) fn agrees(
        &self,
        rule: &str,
        challenge: &[u8; 32],
        leaves: &[u8],
        bound: &[u8; 32],
    ) -> Judged {
        let found = self.scan(challenge, leaves, bound, &AtomicBool::new(false))?;
        self.is_right(rule, found, lowest(challenge, leaves, bound))
    }

    /// Breaks a rule if an answer is not the right one.
    pub(super) fn is_right(
        &self,
        rule: &str,
        found: Option<BestLeaf>,
        expected: Option<BestLeaf>,
    ) -> Judged {
        if found == expected {
            return Ok(());
        }
        let (found, expected) = (shown(found), shown(expected));
        Err(self.probe.broken(rule, format_args!("it finds {found}, and {expected} is right")))
    }
}

impl Drop for Scorer<'_> {
    fn drop(&mut self) {
        self.probe.drop(self.engine.take());
    }
}

/// An answer as people read it.
pub(super) fn shown(best: Option<BestLeaf>) -> String {
    match best {
        None => "no leaf".to_owned(),
        Some(best) => {
            let score: String = best.score[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            format!("leaf {} with the score {score}…", best.index)
        }
    }
}
