//! Whole plans of ordinary plots.

use std::sync::atomic::AtomicBool;

use fastrand::Rng;
use spacetime_sdk::text::count;
use spacetime_sdk_loader::abi::{Job, Plot, Span};

use super::{
    inputs::{SIZES, a_job, a_plot, covered, repeated, sizes, total},
    planner::{Follow, ORDINARY, Planner, TOLD, UNTOLD},
};
use crate::probe::{Judged, Probe, Stop};

/// Does something with one instance for every ordinary plot.
fn for_each_plot(
    probe: &Probe,
    mut check: impl FnMut(&mut Planner<'_>, &Job<'_>, &Plot) -> Judged,
) -> Judged {
    let (mut planner, mut random) = (Planner::open(probe, ORDINARY)?, probe.random());
    let cancel = AtomicBool::new(false);
    for size in sizes(&mut random) {
        let (job, plot) = (a_job(&mut random, &cancel), a_plot(&mut random, size));
        probe.given(format_args!("a plot of {size} leaves, job seed {}", job.seed));
        check(&mut planner, &job, &plot)?;
    }
    Ok(())
}

/// The handle refuses spans that lie outside.
pub(super) fn inside(probe: &Probe) -> Judged {
    for_each_plot(probe, |planner, job, plot| planner.whole(job, plot, TOLD).map(drop))
}

pub(super) fn succeeds(probe: &Probe) -> Judged {
    for_each_plot(probe, |planner, job, plot| {
        // It is the first of its list there.
        planner.arrange(job, &[Plot { index: 0, ..*plot }])?;
        planner.estimate(plot)?;
        planner.whole(job, plot, TOLD)?;
        planner.estimate(plot).map(drop)
    })
}

pub(super) fn once(probe: &Probe) -> Judged {
    for_each_plot(probe, |planner, job, plot| {
        for follow in [TOLD, UNTOLD] {
            let mut spans = planner.whole(job, plot, follow)?;
            if let Some(leaf) = repeated(&mut spans).filter(|_| !planner.may_repeat()) {
                let seen = format_args!("it planned leaf {leaf} twice");
                return Err(probe.broken("STR-003", seen));
            }
        }
        Ok(())
    })
}

/// Following a plan includes looking for its end.
pub(super) fn ends(probe: &Probe) -> Judged {
    for_each_plot(probe, |planner, job, plot| {
        planner.whole(job, plot, TOLD)?;
        planner.whole(job, plot, UNTOLD).map(drop)
    })
}

pub(super) fn stays_done(probe: &Probe) -> Judged {
    for_each_plot(probe, |planner, job, plot| {
        planner.whole(job, plot, TOLD)?;
        let mut spans = [Span::default(); 256];
        for _ in 0..3 {
            let (written, is_done) = planner.plan(&mut spans, job.cancel, plot)?;
            if written > 0 || !is_done {
                let more = count(written as u64, "span");
                let seen = format_args!("it had said that it was done, and planned {more} more");
                return Err(probe.broken("STR-005", seen));
            }
        }
        Ok(())
    })
}

pub(super) fn deterministic(probe: &Probe) -> Judged {
    let plans = || -> Result<Vec<Vec<Span>>, Stop> {
        let mut plans = Vec::new();
        for_each_plot(probe, |planner, job, plot| {
            plans.push(planner.whole(job, plot, TOLD)?);
            Ok(())
        })?;
        Ok(plans)
    };
    let (first, second) = (plans()?, plans()?);
    let differs = first.iter().zip(&second).find(|(first, second)| first != second);
    match differs {
        Some((first, second)) => {
            Err(probe.broken("STR-006", format_args!("twice the same, and {}", two(first, second))))
        }
        None => Ok(()),
    }
}

/// In what two plans differ first.
pub(super) fn two(first: &[Span], second: &[Span]) -> String {
    let at = first.iter().zip(second).take_while(|(first, second)| first == second).count();
    let show = |spans: &[Span]| match spans.get(at) {
        Some(span) => format!("{} from leaf {} on", count(span.len, "leaf"), span.start),
        None => "nothing more".to_owned(),
    };
    format!("span {at} is {} once, and {} once", show(first), show(second))
}

pub(super) fn starts_over(probe: &Probe) -> Judged {
    let mut used = Planner::open(probe, ORDINARY)?;
    let mut random = probe.random();
    let cancel = AtomicBool::new(false);
    let draw = |random: &mut Rng, size| (a_job(random, &cancel), a_plot(random, size));
    for size in sizes(&mut random) {
        let (job, plot) = draw(&mut random, size);
        let expected = Planner::open(probe, ORDINARY)?.whole(&job, &plot, UNTOLD)?;
        // In the middle of a plan, behind the end of one, and after nothing.
        for calls in [0, 1, 3, usize::MAX] {
            let larger = random.u64(1..1 << 20);
            let (other_job, other) = draw(&mut random, larger);
            let seed = other_job.seed;
            let leaves = count(larger, "leaf");
            probe.given(format_args!("a plot of {leaves}, job seed {seed}"));
            used.begin(&other_job, &other)?;
            let mut spans = [Span::default(); 256];
            let limit = calls.min(10_000);
            for _ in 0..limit {
                if used.plan(&mut spans, &cancel, &other)?.1 {
                    break;
                }
            }
            let found = used.whole(&job, &plot, UNTOLD)?;
            if found != expected {
                let seen = format_args!(
                    "after {} of plan for a plot of {leaves}, {}",
                    count(limit as u64, "call"),
                    two(&expected, &found)
                );
                return Err(probe.broken("STR-007", seen));
            }
        }
    }
    Ok(())
}

pub(super) fn estimates(probe: &Probe) -> Judged {
    for_each_plot(probe, |planner, job, plot| {
        let before = planner.estimate(plot)?;
        let spans = planner.whole(job, plot, UNTOLD)?;
        let after = planner.estimate(plot)?;
        let (most, least) = (total(&spans), total(&covered(spans)));
        for estimate in [before, after] {
            if !(least..=most).contains(&estimate) {
                let estimate = count(estimate, "leaf");
                let seen = format_args!("it estimates {estimate}, and planned {least}");
                return Err(probe.broken("STR-008", seen));
            }
        }
        Ok(())
    })
}

pub(super) fn any_buffer(probe: &Probe) -> Judged {
    for_each_plot(probe, in_any_buffer)?;
    // Long spans fill no buffer on plots of those sizes.
    let (mut planner, mut random) = (Planner::open(probe, ORDINARY)?, probe.random());
    let cancel = AtomicBool::new(false);
    let (job, plot) = (a_job(&mut random, &cancel), a_plot(&mut random, SIZES[5]));
    let spans = planner.whole(&job, &plot, UNTOLD)?;
    let len = total(&spans).div_ceil(spans.len().max(1) as u64);
    let plot = Plot { leaf_count: len.max(1).saturating_mul(FILLING), ..plot };
    in_any_buffer(&mut planner, &job, &plot)
}

/// Spans that fill the largest buffer more than once.
const FILLING: u64 = 10_000;

fn in_any_buffer(planner: &mut Planner<'_>, job: &Job<'_>, plot: &Plot) -> Judged {
    let mut expected = None;
    for room in [4096, 1024, 257, 256] {
        let found = covered(planner.whole(job, plot, Follow { room, ..UNTOLD })?);
        match &expected {
            None => expected = Some(found),
            Some(expected) if *expected != found => {
                let seen = format_args!(
                    "it covers {} with room for 4096 spans, and {} with room for {room}",
                    count(total(expected), "leaf"),
                    total(&found)
                );
                return Err(planner.probe.broken("STR-017", seen));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
