//! What is asked of policies.

mod candidates;
mod chooser;
mod lists;
mod rules;

use spacetime_sdk_loader::Policy;

pub(crate) use self::rules::RULES;
use self::{
    candidates::{a_context, some},
    chooser::SELECT_LIMIT,
};
use crate::probe::{Blame, Judged, Probe};

/// Lets a policy choose a little.
pub(crate) fn use_once(probe: &Probe, policy: &mut Policy, blame: Blame) -> Judged {
    let blame = Blame { breach: "POL-001", ..blame };
    let mut random = probe.random();
    let (context, candidates) = (a_context(&mut random, 3), some(&mut random, 5));
    probe.with("5 candidates, and room for 3");
    let select = || policy.select(&context, &candidates);
    let selected = probe.call("select", SELECT_LIMIT, select);
    selected.map(drop).map_err(|fault| probe.fault(&fault, blame))
}
