//! The clock that calls are timed with. Asking the system costs more than many
//! a call, so where its own clock is the processor's counter, that is read.

#![allow(unsafe_code, reason = "reading the processor's counter")]

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

struct Clock {
    /// Whether ticks are the processor's; nanoseconds otherwise.
    is_counter: bool,
    started: Instant,
    started_ticks: u64,
}

fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(|| {
        let is_counter = counts_evenly();
        let started_ticks = if is_counter { counter() } else { 0 };
        Clock { is_counter, started: Instant::now(), started_ticks }
    })
}

/// Now, in ticks of a length that [`length`] tells.
pub(super) fn now() -> u64 {
    let clock = clock();
    if clock.is_counter {
        return counter();
    }
    u64::try_from(clock.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// How long so many ticks are.
pub(super) fn length(ticks: u64) -> Duration {
    let clock = clock();
    let nanos = match clock.is_counter {
        true => ticks as f64 * nanos_per_tick(clock),
        false => ticks as f64,
    };
    Duration::from_nanos(nanos as u64)
}

/// Measured since the first look at the clock: the longer ago, the better.
fn nanos_per_tick(clock: &Clock) -> f64 {
    let ticks = counter().saturating_sub(clock.started_ticks).max(1);
    clock.started.elapsed().as_nanos() as f64 / ticks as f64
}

/// Whether the system takes its own time from the counter: then it has found
/// that it is even, and the same on all cores.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn counts_evenly() -> bool {
    let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    std::fs::read_to_string(source).is_ok_and(|source| source.trim() == "tsc")
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn counts_evenly() -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
fn counter() -> u64 {
    // SAFETY: every processor of this architecture has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
fn counter() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_as_fast_as_the_systems() {
        let (ticks, began) = (now(), Instant::now());
        while began.elapsed() < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        let (measured, real) = (length(now() - ticks), began.elapsed());
        assert!(
            measured >= Duration::from_millis(49) && measured <= real * 2,
            "{measured:?} {real:?}"
        );
    }
}
