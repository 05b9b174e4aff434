//! What outcomes add up to, and how two strategies compare.

use serde::Serialize;

use super::{
    Outcome,
    interval::{Interval, Resamples, wilson},
};

/// What the outcomes of a strategy add up to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Challenges that it was tried on.
    pub challenges: u64,
    /// The sum of its chances.
    pub expected_wins: f64,
    /// The same per challenge, as this sample lets expect it of others.
    pub expected_wins_per_challenge: Option<Interval>,
    /// Challenges at which it found a leaf that wins, as far as is known.
    pub wins: u64,
    /// The share of these.
    pub win_rate: Option<Interval>,
    /// Leaves scanned.
    pub scanned: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Time taken, milliseconds.
    pub ms: u64,
    /// Challenges whose time was over before the plans were complete.
    pub missed: u64,
    /// Challenges of which the host planned some plot in the strategy's place.
    pub by_host: u64,
}

/// A strategy beside another one, over the challenges that both were tried on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Challenges.
    pub challenges: u64,
    /// Of expected wins per challenge.
    pub difference: Paired,
    /// Of expected wins.
    pub ratio: Paired,
    /// Of wins, as far as they are known.
    pub ratio_of_wins: Paired,
}

/// A value and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// The value; none: there is none, as where something is divided by 0.
    pub value: Option<f64>,
    /// Its interval; none: the sample is too small.
    pub interval: Option<Interval>,
}

impl Paired {
    fn of(size: usize, statistic: impl Fn(&[usize]) -> f64) -> Self {
        let all: Vec<usize> = (0..size).collect();
        let value = Some(statistic(&all)).filter(|value| value.is_finite());
        Self {
            value,
            interval: Resamples::of(size).interval(statistic).filter(|_| value.is_some()),
        }
    }
}

impl Figures {
    /// What outcomes add up to.
    pub fn of(outcomes: &[Option<Outcome>]) -> Self {
        let tried: Vec<&Outcome> = outcomes.iter().flatten().collect();
        let sum = |what: fn(&Outcome) -> u64| {
            tried.iter().map(|outcome| what(outcome)).fold(0, u64::saturating_add)
        };
        let mean = |positions: &[usize]| {
            let chances = positions.iter().map(|position| tried[*position].chance);
            chances.sum::<f64>() / positions.len() as f64
        };
        let (challenges, wins) = (tried.len() as u64, sum(|outcome| outcome.wins.into()));
        Self {
            challenges,
            expected_wins: tried.iter().map(|outcome| outcome.chance).sum(),
            expected_wins_per_challenge: Resamples::of(tried.len()).interval(mean),
            wins,
            win_rate: wilson(wins, challenges),
            scanned: sum(|outcome| outcome.scanned),
            bytes: sum(|outcome| outcome.bytes),
            ms: sum(|outcome| outcome.took_us) / 1000,
            missed: sum(|outcome| outcome.missed.into()),
            by_host: sum(|outcome| (outcome.own > 0).into()),
        }
    }
}

impl Compared {
    /// A strategy's outcomes beside those of another one.
    pub fn of(outcomes: &[Option<Outcome>], baseline: &[Option<Outcome>]) -> Self {
        let pairs: Vec<(Outcome, Outcome)> =
            outcomes.iter().zip(baseline).filter_map(|(one, other)| (*one).zip(*other)).collect();
        let sums = |positions: &[usize], what: fn(&Outcome) -> f64| {
            let pairs = positions.iter().map(|position| &pairs[*position]);
            pairs
                .fold((0.0, 0.0), |(one, other), pair| (one + what(&pair.0), other + what(&pair.1)))
        };
        let ratio = |positions: &[usize], what| {
            let (one, other) = sums(positions, what);
            one / other
        };
        let (size, wins) = (pairs.len(), |outcome: &Outcome| f64::from(u8::from(outcome.wins)));
        Self {
            challenges: size as u64,
            difference: Paired::of(size, |positions| {
                let (one, other) = sums(positions, |outcome| outcome.chance);
                (one - other) / positions.len() as f64
            }),
            ratio: Paired::of(size, |positions| ratio(positions, |outcome| outcome.chance)),
            ratio_of_wins: Paired::of(size, |positions| ratio(positions, wins)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(chances: &[f64]) -> Vec<Option<Outcome>> {
        let outcome = |chance: &f64| {
            let chance = *chance;
            (chance >= 0.0).then(|| Outcome { chance, wins: chance > 0.5, ..Outcome::default() })
        };
        chances.iter().map(outcome).collect()
    }

    #[test]
    fn only_challenges_that_both_were_tried_on_are_compared() {
        // Less than 0: it was not tried.
        let (one, other) = ([0.1, -1.0, 0.3, 0.3], [0.2, 0.9, 0.6, -1.0]);
        let compared = Compared::of(&outcomes(&one), &outcomes(&other));
        assert_eq!(compared.challenges, 2);
        let ratio = compared.ratio;
        assert!((ratio.value.unwrap() - 0.5).abs() < 1e-12, "{ratio:?}");
        assert!(ratio.interval.unwrap().holds(0.5), "{ratio:?}");
        assert!((compared.difference.value.unwrap() + 0.2).abs() < 1e-12);
        assert_eq!(compared.ratio_of_wins.value, Some(0.0));
    }

    #[test]
    fn nothing_divided_by_nothing_is_no_value() {
        let none = Compared::of(&outcomes(&[0.0, 0.0]), &outcomes(&[0.0, 0.0]));
        assert_eq!(none.ratio, Paired { value: None, interval: None });
        assert_eq!(none.difference.value, Some(0.0));
        assert_eq!(Figures::of(&[]).win_rate, None);
    }
}
