//! What this process takes, and whether that grows with what it does.

use std::{
    fs,
    ops::Range,
    time::{Duration, Instant},
};

use super::{Judged, Probe, Stop};

/// By how much a process may grow in the second half of what it does: less than
/// allocators and their fragments do by chance.
const GROWTH: u64 = 1 << 20;

/// What looking for growth may take.
const TIME: Duration = Duration::from_secs(60);

/// How often memory is looked at.
const LOOKS: u64 = 20;

/// Names of counters that a component may have: the host keeps each.
const COUNTERS: usize = 1000;

/// What this process takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources {
    /// Resident memory in bytes.
    pub(crate) memory: u64,
    pub(crate) threads: u64,
}

/// What this process takes now; `None` where the system does not say.
pub(crate) fn resources() -> Option<Resources> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(Resources { memory: number("VmRSS:")? << 10, threads: number("Threads:")? })
}

/// Processor time that this process has used; `None` where the system does not say.
pub(crate) fn cpu_time() -> Option<Duration> {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let seconds = u64::try_from(time.tv_sec).ok()?;
        Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
    }
    #[cfg(not(unix))]
    None
}

/// Does something so many times, and breaks the rule if memory grows with it:
/// steadily, and beyond chance, over the second half.
pub(crate) fn grows(
    probe: &Probe,
    rule: &str,
    times: u64,
    mut work: impl FnMut(u64) -> Judged,
) -> Judged {
    if resources().is_none() {
        return Err(Stop::NotJudged("this system does not say what a process takes".to_owned()));
    }
    probe.set_log_level(2);
    let mut grown = None;
    // What fills up to its bounds looks like growth, once: on a busy machine it does
    // so slowly.
    for round in 0..2 {
        let first = round * times;
        let (done, looks) = watch(first..first + times, &mut work)?;
        if done < times {
            probe.note(format_args!("{done} of {times} times in {} s", TIME.as_secs()));
        }
        if probe.counters() >= COUNTERS {
            return Err(probe.broken(rule, format_args!("it uses {COUNTERS} names of counters")));
        }
        grown = growth(&looks).map(|growth| (growth, done));
        if grown.is_none() {
            break;
        }
    }
    match grown {
        Some((growth, done)) => Err(probe.broken(
            rule,
            format_args!(
                "this process grew by {} KiB in the second half of {done} times, after as many \
                 in which it grew, too",
                growth >> 10
            ),
        )),
        None => Ok(()),
    }
}

/// Does something for each of these numbers, as long as there is time; how many
/// that were, and what was taken in between.
fn watch(
    numbers: Range<u64>,
    work: &mut impl FnMut(u64) -> Judged,
) -> Result<(u64, Vec<u64>), Stop> {
    let (begun, every) = (Instant::now(), ((numbers.end - numbers.start) / LOOKS).max(1));
    let (mut done, mut looks) = (0, Vec::new());
    for number in numbers {
        if begun.elapsed() >= TIME {
            break;
        }
        work(number)?;
        done += 1;
        if done % every == 0 {
            looks.extend(resources().map(|taken| taken.memory));
        }
    }
    Ok((done, looks))
}

/// By how much the second half of the looks grew, if that is no chance.
fn growth(looks: &[u64]) -> Option<u64> {
    let (middle, last) = (looks.get(looks.len() / 2)?, looks.last()?);
    let three_quarters = &looks[looks.len() * 3 / 4];
    let growth = last.saturating_sub(*middle);
    (growth > GROWTH && middle < three_quarters && three_quarters < last).then_some(growth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_steady_growth_counts() {
        const MIB: u64 = 1 << 20;
        let looks = |take: fn(u64) -> u64| growth(&(0..20).map(take).collect::<Vec<u64>>());
        assert_eq!(looks(|look| look * MIB), Some(9 * MIB));
        assert_eq!(looks(|look| look.min(9) * MIB), None, "it found its size");
        assert_eq!(looks(|look| if look < 19 { 0 } else { 9 * MIB }), None, "once");
        assert_eq!(looks(|look| look << 10), None, "too little");
        assert_eq!(growth(&[]), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_says_what_is_taken() {
        let taken = resources().unwrap();
        assert!(taken.memory > 1 << 16 && taken.threads > 0, "{taken:?}");
        assert!(cpu_time().is_some());
    }
}
