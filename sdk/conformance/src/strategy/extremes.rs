//! Sizes, numbers and times at the ends of their ranges.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use spacetime_sdk::text::count;
use spacetime_sdk_loader::abi::{BatchStats, Builder, Job, Plot, Span, StopRule, features};

use super::{
    inputs::{a_job, a_plot, extreme, repeated, stats, total},
    planner::{Planner, TOLD, UNTOLD, survived},
    told,
};
use crate::{
    probe::{Judged, Probe, Stop},
    sample::{job, plot},
};

/// Jobs that are tried with numbers drawn from the ends.
const DRAWS: u32 = 100;

pub(super) fn feedback(probe: &Probe) -> Judged {
    let mut planner = Planner::open(probe, survived("STR-009"))?;
    let mut random = probe.random();
    let cancel = AtomicBool::new(false);
    let zero =
        BatchStats { leaves: 0, bytes_read: 0, elapsed_ns: 0, best: [0; 32], reserved: [0; 8] };
    let most = BatchStats {
        leaves: u64::MAX,
        bytes_read: u64::MAX,
        elapsed_ns: u64::MAX,
        best: [0xFF; 32],
        reserved: [u64::MAX; 8],
    };
    for draw in 0..DRAWS {
        let (job, plot) = (a_job(&mut random, &cancel), a_plot(&mut random, 200_000));
        let mut tell = |_| {
            let stats = match draw {
                0 => zero,
                1 => most,
                _ => BatchStats {
                    leaves: extreme(&mut random),
                    bytes_read: extreme(&mut random),
                    elapsed_ns: extreme(&mut random),
                    best: [random.u8(..); 32],
                    reserved: std::array::from_fn(|_| extreme(&mut random)),
                },
            };
            probe.with(format_args!("the last feedback with {}", told::stats(&stats)));
            stats
        };
        let (leaves, seed) = (plot.leaf_count, job.seed);
        probe.given(format_args!("a plot of {leaves} leaves, job seed {seed}"));
        planner.begin(&job, &plot)?;
        planner.feedback(&tell(0))?;
        planner.rest(&cancel, &plot, TOLD, &mut tell)?;
        planner.feedback(&tell(0))?;
    }
    Ok(())
}

pub(super) fn small_plots(probe: &Probe) -> Judged {
    let mut planner = Planner::open(probe, survived("STR-011"))?;
    let mut random = probe.random();
    let cancel = AtomicBool::new(false);
    let odd = [127, 129, 255, 257, 1023, 4095, 4097, 8191, 8193, 65_521, 99_991, 131_071];
    for size in (1..=100).chain(odd) {
        let (job, plot) = (a_job(&mut random, &cancel), a_plot(&mut random, size));
        planner.whole(&job, &plot, TOLD)?;
        planner.whole(&job, &plot, UNTOLD)?;
        planner.estimate(&plot)?;
    }
    Ok(())
}

/// Sizes of plots that nobody has.
const HUGE: [u64; 5] = [1 << 40, (1 << 40) + 1, 1 << 53, (1 << 62) - 1, i64::MAX as u64];

/// Calls of `plan` for a huge plot, and what they may take together.
const HUGE_CALLS: u32 = 2000;
const HUGE_TIME: Duration = Duration::from_millis(300);

pub(super) fn huge_plots(probe: &Probe) -> Judged {
    let mut planner = Planner::open(probe, survived("STR-012"))?;
    let mut random = probe.random();
    for size in HUGE {
        let cancel = AtomicBool::new(false);
        let (job, plot) = (a_job(&mut random, &cancel), a_plot(&mut random, size));
        probe.given(format_args!("a plot of {size} leaves, job seed {}", job.seed));
        planner.estimate(&plot)?;
        planner.begin(&job, &plot)?;
        let (begun, mut buffer, mut all) = (Instant::now(), vec![Span::default(); 1024], vec![]);
        for _ in 0..HUGE_CALLS {
            let (written, is_done) = planner.plan(&mut buffer, &cancel, &plot)?;
            all.extend_from_slice(&buffer[..written]);
            if is_done || begun.elapsed() > HUGE_TIME {
                break;
            }
            planner.feedback(&stats(total(&all)))?;
        }
        if let Some(leaf) = repeated(&mut all).filter(|_| !planner.may_repeat()) {
            return Err(probe.broken("STR-003", format_args!("it planned leaf {leaf} twice")));
        }
        // The job ends here, and another begins.
        cancel.store(true, Ordering::Relaxed);
    }
    let cancel = AtomicBool::new(false);
    planner.whole(&a_job(&mut random, &cancel), &plot(1000), TOLD).map(drop)
}

pub(super) fn numbers(probe: &Probe) -> Judged {
    let mut planner = Planner::open(probe, survived("STR-013"))?;
    let mut random = probe.random();
    let cancel = AtomicBool::new(false);
    for draw in 0..DRAWS {
        let mut number = || match draw {
            0 => 0,
            1 => u64::MAX,
            _ => extreme(&mut random),
        };
        let mut words = [0; 16];
        words[features::JOB_TIME_LEFT_MS] = number();
        let bytes = |number: u64| [number.to_le_bytes()[0]; 32];
        let job = Job {
            id: number(),
            challenge: bytes(number()),
            block_target: bytes(number()),
            share_target: bytes(number()),
            epoch: number(),
            height: number(),
            stop: StopRule(number() as u32),
            builder: Builder(number() as u32),
            stop_leaves: number(),
            deadline_ms: number(),
            started_ms: number(),
            plots: number(),
            leaves: number(),
            seed: number(),
            cancel: &cancel,
            reserved: words,
        };
        let plot = Plot {
            id: bytes(number()),
            leaf_count: 100_000,
            index: number(),
            drive: number(),
            read_rate: number(),
            scan_rate: number(),
            reserved: std::array::from_fn(|_| number()),
        };
        let (a_job, a_plot) = (told::job(&job), told::plot(&plot));
        probe.given(format_args!("a job with {a_job}; a plot with {a_plot}"));
        planner.begin(&job, &plot)?;
        planner.rest(&cancel, &plot, TOLD, &mut stats)?;
        // Positions of plots are the host's, and right.
        let plots = [Plot { index: 0, ..plot }, Plot { index: 1, drive: !plot.drive, ..plot }];
        planner.arrange(&job, &plots)?;
    }
    Ok(())
}

pub(super) fn late(probe: &Probe) -> Judged {
    let mut planner = Planner::open(probe, survived("STR-014"))?;
    let mut random = probe.random();
    let cancel = AtomicBool::new(false);
    for deadline_ms in [1, 1_699_999_999_999, 1_700_000_000_000] {
        let mut reserved = [0; 16];
        reserved[features::JOB_TIME_LEFT_MS] = 1;
        let job = Job { deadline_ms, reserved, ..a_job(&mut random, &cancel) };
        let plot = a_plot(&mut random, 100_000);
        probe.given(format_args!(
            "a job begun at {} ms and due at {deadline_ms} ms, a plot of {} leaves, job seed {}",
            job.started_ms, plot.leaf_count, job.seed
        ));
        planner.arrange(&job, &[Plot { index: 0, ..plot }])?;
        planner.begin(&job, &plot)?;
        planner.rest(&cancel, &plot, TOLD, &mut |planned| {
            let mut stats = stats(planned);
            stats.reserved[features::STATS_TIME_LEFT_MS] = 1;
            stats
        })?;
    }
    Ok(())
}

/// What a call may take once the job is over.
pub(super) const PROMPT: Duration = Duration::from_millis(250);

/// Calls that are made after that.
const CALLS_AFTER: u32 = 20;

pub(super) fn cancelled(probe: &Probe) -> Judged {
    let mut planner = Planner::open(probe, survived("STR-015"))?;
    let mut random = probe.random();
    for size in [1000, 1 << 20, HUGE[0], HUGE[4]] {
        let plot = a_plot(&mut random, size);
        for is_over_before in [true, false] {
            let cancel = AtomicBool::new(is_over_before);
            let job = a_job(&mut random, &cancel);
            let when = if is_over_before { "before it begins" } else { "during a plan" };
            let seed = job.seed;
            probe.given(format_args!(
                "a plot of {size} leaves, and a job that ends {when}, job seed {seed}"
            ));
            in_time(probe, "begin", || planner.begin(&job, &plot))?;
            let mut spans = [Span::default(); 1024];
            if !is_over_before {
                over_during_plan(&mut planner, &cancel, &plot)?;
            }
            for _ in 0..CALLS_AFTER {
                in_time(probe, "plan", || planner.plan(&mut spans, &cancel, &plot))?;
                in_time(probe, "feedback", || planner.feedback(&stats(size)))?;
            }
        }
    }
    Ok(())
}

/// A call of `plan` during which the job ends.
fn over_during_plan(planner: &mut Planner<'_>, cancel: &AtomicBool, plot: &Plot) -> Judged {
    let (probe, begun) = (planner.probe, AtomicBool::new(false));
    thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            while !begun.load(Ordering::Acquire) {
                thread::yield_now();
            }
            cancel.store(true, Ordering::Relaxed);
            Instant::now()
        });
        let mut spans = [Span::default(); 4096];
        begun.store(true, Ordering::Release);
        let planned = planner.plan(&mut spans, cancel, plot);
        let over = canceller.join().expect("it only waits and stores");
        planned?;
        prompt(probe, "plan", over)
    })
}

/// Makes a call that must return promptly.
fn in_time<R>(probe: &Probe, method: &str, call: impl FnOnce() -> Result<R, Stop>) -> Judged {
    let over = Instant::now();
    call()?;
    prompt(probe, method, over)
}

/// Whether it is a moment since the job was over.
fn prompt(probe: &Probe, method: &str, over: Instant) -> Judged {
    let took = over.elapsed();
    if took <= PROMPT {
        return Ok(());
    }
    let took = took.as_millis();
    Err(probe.too_slow("STR-015", format_args!("{method} took {took} ms, when the job was over")))
}

pub(super) fn stop_rules(probe: &Probe) -> Judged {
    let mut planner = Planner::open(probe, survived("STR-016"))?;
    let mut random = probe.random();
    let cancel = AtomicBool::new(false);
    for size in [64, 1000, 100_000] {
        let plot = a_plot(&mut random, size);
        let free = a_job(&mut random, &cancel);
        let whole = total(&planner.whole(&free, &plot, UNTOLD)?);
        let budgets = [0, 1, 7, 1000, size, u64::MAX];
        let rules = budgets.map(|leaves| (StopRule::BUDGET, leaves));
        for (stop, stop_leaves) in rules.into_iter().chain([(StopRule::FIRST_UNDER_TARGET, 0)]) {
            let job = Job { stop, stop_leaves, ..free };
            for follow in [UNTOLD, TOLD] {
                let planned = total(&planner.whole(&job, &plot, follow)?);
                let rule = match stop {
                    StopRule::BUDGET => format!("a budget of {}", count(stop_leaves, "leaf")),
                    _ => "a job that ends at the first win".to_owned(),
                };
                if planned > whole {
                    let planned = count(planned, "leaf");
                    let seen =
                        format_args!("with {rule} it planned {planned}, and {whole} without one");
                    return Err(probe.broken("STR-016", seen));
                }
            }
        }
    }
    // Without any target, and with one that everything is under.
    for target in [[0; 32], [0xFF; 32]] {
        let (block_target, stop) = (target, StopRule::FIRST_UNDER_TARGET);
        planner.whole(&Job { block_target, stop, ..job(&cancel) }, &plot(1000), TOLD)?;
    }
    Ok(())
}
