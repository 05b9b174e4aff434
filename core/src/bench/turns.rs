//! Two ways of doing something, timed in turns: whatever disturbs the machine
//! disturbs both.

use std::time::{Duration, Instant};

use super::{Bench, Part, Row, Unit};

/// Rounds that there are in any case.
const LEAST: usize = 3;

/// Rounds that are enough in any case.
const MOST: usize = 1001;

/// What is compared.
pub(super) struct Contest<'a> {
    pub(super) part: Part,
    pub(super) name: &'a str,
    pub(super) unit: Unit,
    pub(super) baseline: &'a str,
}

impl Contest<'_> {
    /// Does one after the other, until the time is up. Each says how many it
    /// did a second.
    pub(super) fn run<E>(
        &self,
        bench: Bench<'_>,
        mut ours: impl FnMut() -> Result<f64, E>,
        mut baseline: impl FnMut() -> Result<f64, E>,
    ) -> Result<Row, E> {
        let begun = Instant::now();
        let mut rounds = Vec::new();
        // Caches, clocks and pages are warm after that.
        ours()?;
        baseline()?;
        while rounds.len() < MOST && (rounds.len() < LEAST || begun.elapsed() < bench.time) {
            let done = begun.elapsed().as_secs_f64() / bench.time.as_secs_f64();
            bench.watch.round(self.name, done.min(1.0));
            rounds.push((ours()?, baseline()?));
        }
        let of = |figure: fn(&(f64, f64)) -> f64| median(rounds.iter().map(figure).collect());
        Ok(Row {
            part: self.part,
            name: self.name.to_owned(),
            unit: self.unit,
            rate: of(|round| round.0),
            baseline: self.baseline.to_owned(),
            baseline_rate: of(|round| round.1),
            ratio: of(|round| round.0 / round.1),
            rounds: rounds.len(),
        })
    }
}

/// How many a second `work` does, if it does `amount`.
pub(super) fn rate<T>(amount: u64, work: impl FnOnce() -> T) -> f64 {
    let begun = Instant::now();
    std::hint::black_box(work());
    per_second(amount, begun.elapsed())
}

/// As [`rate`], of what may fail.
pub(super) fn try_rate<T, E>(amount: u64, work: impl FnOnce() -> Result<T, E>) -> Result<f64, E> {
    let begun = Instant::now();
    std::hint::black_box(work()?);
    Ok(per_second(amount, begun.elapsed()))
}

pub(super) fn per_second(amount: u64, took: Duration) -> f64 {
    amount as f64 / took.as_secs_f64().max(1e-9)
}

/// The middle one, or between the two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let (low, high) = (figures.len().saturating_sub(1) / 2, figures.len() / 2);
    match (figures.get(low), figures.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl super::super::Watch for Nobody {
        fn round(&self, _: &str, _: f64) {}
    }

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn ratios_are_those_of_rounds() {
        let bench = Bench { time: Duration::ZERO, workers: 1, watch: &Nobody };
        let contest = Contest { part: Part::Scan, name: "a", unit: Unit::Leaves, baseline: "b" };
        // The first round only warms up; then one round is disturbed.
        let (mut ours, mut theirs) =
            ([9.0, 2.0, 20.0, 2.0].into_iter(), [9.0, 1.0, 10.0, 1.0].into_iter());
        let row = contest
            .run::<()>(bench, || Ok(ours.next().unwrap()), || Ok(theirs.next().unwrap()))
            .unwrap();
        assert_eq!((row.rounds, row.rate, row.baseline_rate, row.ratio), (3, 2.0, 1.0, 2.0));
        assert_eq!(contest.run(bench, || Err("it fails"), || Ok(1.0)).unwrap_err(), "it fails");
    }
}
