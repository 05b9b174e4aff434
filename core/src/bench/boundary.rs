//! What a call into a plugin costs, beside the same without one.

use std::{convert::Infallible, hint::black_box, sync::atomic::AtomicBool};

use spacetime_conformance::{block, candidate, job, plot};
use spacetime_sdk_loader::{Fault, abi::Span};

use super::{
    Bench, BenchError, Part, Row, Unit,
    turns::{Contest, rate, try_rate},
};
use crate::{
    kernels,
    plugin::{PolicyOutcome, Registry},
};

/// Spans per call of a strategy.
const SPANS: usize = 256;

/// Leaves of a plot that few plans come to the end of.
const ENDLESS: u64 = 1 << 40;

/// Calls that are timed at once.
const CALLS: u64 = 1000;

/// Candidates per call of a policy.
const CANDIDATES: u64 = 1000;

/// A call of each component that the manifest names: a strategy's `plan`, an
/// engine's `scan` without leaves, a policy's `select`.
///
/// # Errors
///
/// A component fails.
pub fn boundary(bench: Bench<'_>, registry: &Registry) -> Result<Vec<Row>, BenchError> {
    let rows = [strategy(bench, registry)?, engine(bench, registry)?, policy(bench, registry)?];
    Ok(rows.into_iter().flatten().collect())
}

fn failed(kind: &'static str, name: &str) -> impl Fn(Fault) -> BenchError {
    let name = name.to_owned();
    move |fault| BenchError::Plugin { kind, name: name.clone(), fault }
}

fn strategy(bench: Bench<'_>, registry: &Registry) -> Result<Option<Row>, BenchError> {
    let Some(name) = registry.strategy_name() else { return Ok(None) };
    let Some(opened) = registry.strategies().open() else { return Ok(None) };
    let failed = failed("strategy", name);
    let mut strategy = opened.map_err(&failed)?;
    let title = format!("strategy {name}: plan, room for {SPANS} spans");
    let contest = Contest {
        part: Part::Boundary,
        name: &title,
        unit: Unit::Calls,
        baseline: "as many spans written in the host",
    };
    let (cancel, mut spans) = (AtomicBool::new(false), [Span::default(); SPANS]);
    let (job, plot) = (job(&cancel), plot(ENDLESS));
    strategy.begin(&job, &plot).map_err(&failed)?;
    let call = || {
        try_rate(CALLS, || {
            for _ in 0..CALLS {
                let (_, is_done) = strategy.plan(&mut spans, &cancel, ENDLESS)?;
                if is_done {
                    strategy.begin(&job, &plot)?;
                }
            }
            Ok(())
        })
        .map_err(&failed)
    };
    let mut own = [Span::default(); SPANS];
    let write = || {
        Ok(rate(CALLS, || {
            for call in 0..CALLS {
                for (span, start) in own.iter_mut().zip(call..) {
                    *span = Span { start: black_box(start), len: 1 };
                }
                black_box(&own);
            }
        }))
    };
    contest.run(bench, call, write).map(Some)
}

fn engine(bench: Bench<'_>, registry: &Registry) -> Result<Option<Row>, BenchError> {
    let (Some(name), Some(source)) = (registry.engine_name(), registry.engine()) else {
        return Ok(None);
    };
    let Some(engine) = source.engine() else { return Ok(None) };
    let (title, failed) = (format!("engine {name}: scan of no leaves"), failed("engine", name));
    let contest = Contest {
        part: Part::Boundary,
        name: &title,
        unit: Unit::Calls,
        baseline: "the host's kernels, of no leaves",
    };
    let (cancel, challenge, bound) = (AtomicBool::new(false), [7; 32], [0xFF; 32]);
    let call = || {
        try_rate(CALLS, || {
            for _ in 0..CALLS {
                black_box(engine.scan(black_box(&challenge), &[], &bound, &cancel)?);
            }
            Ok(())
        })
        .map_err(&failed)
    };
    let kernels = kernels::in_use();
    let own = || {
        Ok(rate(CALLS, || {
            for _ in 0..CALLS {
                black_box(kernels.scan(black_box(&challenge), &[], &bound));
            }
        }))
    };
    contest.run(bench, call, own).map(Some)
}

fn policy(bench: Bench<'_>, registry: &Registry) -> Result<Option<Row>, BenchError> {
    let Some(name) = registry.policy_name() else { return Ok(None) };
    let policy = registry.policy();
    let title = format!("policy {name}: select among {CANDIDATES}");
    let contest = Contest {
        part: Part::Boundary,
        name: &title,
        unit: Unit::Candidates,
        baseline: "as many looked at in the host",
    };
    // Four of each sender, as many fees as there are candidates.
    let candidates: Vec<_> = (0..CANDIDATES)
        .map(|number| candidate((number / 4) as u8, number % 4 + 1, number * 7919 % 1000))
        .collect();
    let context = block(CANDIDATES);
    let call = || {
        Ok(rate(CANDIDATES, || match policy.select(&context, black_box(&candidates)) {
            PolicyOutcome::Chosen(chosen) => chosen.len(),
            PolicyOutcome::Veto(_) => 0,
        }))
    };
    let own = || {
        Ok(rate(CANDIDATES, || black_box(&candidates).iter().map(|candidate| candidate.fee).max()))
    };
    let Ok(row) = contest.run::<Infallible>(bench, call, own);
    Ok(Some(row))
}
