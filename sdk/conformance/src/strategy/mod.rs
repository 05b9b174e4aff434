//! What is asked of strategies.

mod extremes;
mod inputs;
mod planner;
mod plans;
mod rules;
mod together;
mod told;

use std::sync::atomic::AtomicBool;

use spacetime_sdk_loader::{Strategy, abi::Span};

use self::planner::CALL_LIMIT;
pub(crate) use self::rules::RULES;
use crate::{
    probe::{Blame, Judged, Probe},
    sample::{job, plot},
};

/// Lets a strategy plan a little.
pub(crate) fn use_once(probe: &Probe, strategy: &mut Strategy, blame: Blame) -> Judged {
    let cancel = AtomicBool::new(false);
    let (job, plot) = (job(&cancel), plot(1000));
    probe.with(format_args!("a plot of {} leaves, job seed {}", plot.leaf_count, job.seed));
    let blame = Blame { breach: "STR-001", ..blame };
    let fault = |fault| probe.fault(&fault, blame);
    probe.call("begin", CALL_LIMIT, || strategy.begin(&job, &plot)).map_err(fault)?;
    let mut spans = [Span::default(); 256];
    for _ in 0..100 {
        let plan = || strategy.plan(&mut spans, &cancel, plot.leaf_count);
        if probe.call("plan", CALL_LIMIT, plan).map_err(fault)?.1 {
            break;
        }
    }
    Ok(())
}
