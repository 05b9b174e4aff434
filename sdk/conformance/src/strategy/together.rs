//! Several plots, several instances, several threads, many jobs.

use std::{sync::atomic::AtomicBool, thread};

use spacetime_sdk::text;
use spacetime_sdk_loader::abi::{Job, Plot, Span};

use super::{
    inputs::{a_job, a_plot, stats},
    planner::{Follow, ORDINARY, Planner, TOLD, UNTOLD},
    plans::two,
};
use crate::probe::{Blame, Judged, Probe, grows};

pub(super) fn arranges(probe: &Probe) -> Judged {
    let blame = Blame::all("STR-010");
    let mut random = probe.random();
    let cancel = AtomicBool::new(false);
    let mut remembers = Planner::open(probe, blame)?;
    for count in [1, 2, 3, 10, 100, 5000] {
        let plots: Vec<Plot> = (0..count)
            .map(|index| Plot { index, ..a_plot(&mut random, 1 << (index % 30)) })
            .collect();
        let leaves = plots.iter().map(|plot| plot.leaf_count).sum();
        let job = Job { plots: count, leaves, ..a_job(&mut random, &cancel) };
        probe.given(format_args!("{}, job seed {}", text::count(count, "plot"), job.seed));
        let arrange = || Planner::open(probe, blame)?.arrange(&job, &plots);
        let (first, second) = (arrange()?, arrange()?);
        if first != second {
            let seen = "two new instances arranged the same plots in two ways";
            return Err(probe.broken("STR-010", seen));
        }
        remembers.arrange(&job, &plots)?;
    }
    Ok(())
}

/// As the tests here follow plans by hand.
const SMALL: Follow = Follow { room: 256, ..UNTOLD };

/// Plots that are scanned at the same time.
const PLOTS: [u64; 4] = [5000, 64, 100_000, 5000];

pub(super) fn apart(probe: &Probe) -> Judged {
    let (mut random, cancel) = (probe.random(), AtomicBool::new(false));
    let jobs: Vec<(Job<'_>, Plot)> = PLOTS
        .into_iter()
        .map(|size| (a_job(&mut random, &cancel), a_plot(&mut random, size)))
        .collect();
    let mut alone = Vec::new();
    for (job, plot) in &jobs {
        alone.push(Planner::open(probe, ORDINARY)?.whole(job, plot, SMALL)?);
    }
    probe.given(format_args!("plots of {PLOTS:?} leaves at the same time"));
    let mut planners = Vec::new();
    for (job, plot) in &jobs {
        let mut planner = Planner::open(probe, ORDINARY)?;
        planner.begin(job, plot)?;
        planners.push((planner, Vec::new(), false));
    }
    let mut buffer = [Span::default(); 256];
    while planners.iter().any(|(_, _, is_done)| !is_done) {
        for ((planner, found, is_done), ((_, plot), expected)) in
            planners.iter_mut().zip(jobs.iter().zip(&alone))
        {
            if *is_done {
                continue;
            }
            let (written, done) = planner.plan(&mut buffer, &cancel, plot)?;
            found.extend_from_slice(&buffer[..written]);
            *is_done = done;
            if found.len() > expected.len() {
                break;
            }
        }
        differs(probe, &planners, &alone)?;
    }
    Ok(())
}

/// Whether what was planned so far differs from what it is alone.
fn differs(
    probe: &Probe,
    planners: &[(Planner<'_>, Vec<Span>, bool)],
    alone: &[Vec<Span>],
) -> Judged {
    for ((_, found, is_done), expected) in planners.iter().zip(alone) {
        let so_far =
            if *is_done { &expected[..] } else { &expected[..found.len().min(expected.len())] };
        if found != so_far {
            let seen = format_args!(
                "another instance planned at the same time, and {}",
                two(expected, found)
            );
            return Err(probe.broken("STR-018", seen));
        }
    }
    Ok(())
}

pub(super) fn on_any_thread(probe: &Probe) -> Judged {
    let (mut random, cancel) = (probe.random(), AtomicBool::new(false));
    let blame = Blame { breach: "STR-001", failure: "STR-019", panic: "STR-019" };
    let (job, plot) = (a_job(&mut random, &cancel), a_plot(&mut random, 100_000));
    let expected = Planner::open(probe, blame)?.whole(&job, &plot, SMALL)?;
    let mut planner = Planner::open(probe, blame)?;
    let elsewhere = |work: &mut (dyn FnMut() -> Judged + Send)| -> Judged {
        thread::scope(|scope| scope.spawn(work).join().expect("the kit does not panic"))
    };
    elsewhere(&mut || planner.begin(&job, &plot))?;
    let (mut found, mut is_done) = (Vec::new(), false);
    while !is_done && found.len() <= expected.len() {
        elsewhere(&mut || {
            let mut spans = [Span::default(); 256];
            let (written, done) = planner.plan(&mut spans, &cancel, &plot)?;
            found.extend_from_slice(&spans[..written]);
            is_done = done;
            Ok(())
        })?;
    }
    if found != expected {
        let seen = format_args!("on another thread for each call, {}", two(&expected, &found));
        return Err(probe.broken("STR-019", seen));
    }
    Ok(())
}

pub(super) fn no_growth(probe: &Probe) -> Judged {
    let mut planner = Planner::open(probe, ORDINARY)?;
    let (mut random, cancel) = (probe.random(), AtomicBool::new(false));
    grows(probe, "STR-020", probe.task.subject.jobs, |number| {
        let (job, plot) = (a_job(&mut random, &cancel), a_plot(&mut random, 64 + number % 64));
        let job = Job { id: number, ..job };
        let leaves = plot.leaf_count;
        probe.given(format_args!("job {number}, a plot of {leaves} leaves, job seed {}", job.seed));
        planner.arrange(&job, &[Plot { index: 0, ..plot }])?;
        planner.estimate(&plot)?;
        planner.whole(&job, &plot, TOLD)?;
        planner.feedback(&stats(plot.leaf_count))
    })
}
