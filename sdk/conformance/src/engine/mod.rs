//! What is asked of engines.

mod batches;
mod rules;
mod scorer;
mod times;

use std::sync::atomic::AtomicBool;

use spacetime_sdk_loader::Engine;

pub(crate) use self::rules::RULES;
use self::scorer::{SCAN_LIMIT, shown};
use crate::{
    oracle::{leaves, lowest},
    probe::{Blame, Judged, Probe},
};

/// Lets an engine score a little.
pub(crate) fn use_once(probe: &Probe, engine: &Engine, blame: Blame) -> Judged {
    let (batch, challenge, bound) = (leaves(33), [5; 32], [0xFF; 32]);
    probe.with("33 leaves, without a bound");
    let blame = Blame { breach: "ENG-002", ..blame };
    let cancel = AtomicBool::new(false);
    let scan = || engine.scan(&challenge, &batch, &bound, &cancel);
    let found = probe.call("scan", SCAN_LIMIT, scan).map_err(|fault| probe.fault(&fault, blame))?;
    let expected = lowest(&challenge, &batch, &bound);
    if found != expected {
        let (found, expected) = (shown(found), shown(expected));
        let seen = format_args!("it finds {found} of 33 leaves, where {expected} is the lowest");
        return Err(probe.broken("ENG-001", seen));
    }
    Ok(())
}
