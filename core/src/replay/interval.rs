//! How far figures from a sample may be off: intervals of 95 %.

use serde::Serialize;

/// The two-sided 95 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Samples drawn again.
const RESAMPLES: usize = 2000;

/// What the draws begin with: the same record gives the same intervals.
const SEED: u64 = 0x5EED;

/// An interval that holds the true value in 95 of 100 samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

impl Interval {
    /// Whether it holds a value.
    pub fn holds(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The score interval of a proportion (E. B. Wilson, Probable inference, the
/// law of succession, and statistical inference, JASA 22, 1927): with
/// `p = successes / trials` and `z = 1.96`,
/// `(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`. `None` without trials.
pub fn wilson(successes: u64, trials: u64) -> Option<Interval> {
    if trials == 0 {
        return None;
    }
    let (n, p) = (trials as f64, successes as f64 / trials as f64);
    let squared = Z * Z;
    let centre = p + squared / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + squared / (4.0 * n * n)).sqrt();
    let scale = 1.0 + squared / n;
    let low = ((centre - spread) / scale).max(0.0);
    Some(Interval { low, high: ((centre + spread) / scale).min(1.0) })
}

/// The percentile bootstrap (B. Efron, Bootstrap methods: another look at the
/// jackknife, Annals of Statistics 7, 1979): of 2000 samples, each as large as
/// the first and drawn from it with repetition, the values of a statistic, of
/// which 2.5 % at each end are cut off. Pairs stay pairs, as positions are
/// drawn.
pub struct Resamples {
    size: usize,
}

impl Resamples {
    /// Samples of so many positions.
    pub fn of(size: usize) -> Self {
        Self { size }
    }

    /// The interval of a statistic, which is given the positions of each
    /// sample. `None`: there are fewer than two, or it has no value.
    pub fn interval(&self, statistic: impl Fn(&[usize]) -> f64) -> Option<Interval> {
        if self.size < 2 {
            return None;
        }
        let mut random = SplitMix(SEED);
        let mut positions = vec![0; self.size];
        let mut values = Vec::with_capacity(RESAMPLES);
        for _ in 0..RESAMPLES {
            positions.iter_mut().for_each(|position| *position = random.below(self.size));
            values.push(statistic(&positions));
        }
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = values.len().checked_sub(1)?;
            values.get((share * last as f64).round() as usize).copied()
        };
        Some(Interval { low: at(0.025)?, high: at(0.975)? })
    }
}

/// A generator of numbers (G. L. Steele Jr., D. Lea, C. H. Flood, Fast
/// splittable pseudorandom number generators, OOPSLA 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below another; how much some are preferred does not matter
    /// with 64 bits.
    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(interval: Interval, low: f64, high: f64) -> bool {
        (interval.low - low).abs() < 5e-5 && (interval.high - high).abs() < 5e-5
    }

    #[test]
    fn wilsons_interval_is_that_of_the_tables() {
        // Brown, Cai, DasGupta 2001, and R's prop.test(..., correct = FALSE).
        assert!(close(wilson(15, 50).unwrap(), 0.19103, 0.43750));
        assert!(close(wilson(0, 10).unwrap(), 0.0, 0.27753));
        assert!(close(wilson(10, 10).unwrap(), 0.72247, 1.0));
        assert_eq!(wilson(0, 0), None);
    }

    /// Over many samples of a known kind, the interval holds the true mean as
    /// often as it says.
    #[test]
    fn the_bootstrap_holds_what_it_promises() {
        let mut random = SplitMix(7);
        let (mut held, samples) = (0, 200);
        for _ in 0..samples {
            let sample: Vec<f64> = (0..50).map(|_| f64::from(random.below(10) < 3)).collect();
            let mean = |positions: &[usize]| {
                positions.iter().map(|position| sample[*position]).sum::<f64>() / 50.0
            };
            held += usize::from(Resamples::of(50).interval(mean).unwrap().holds(0.3));
        }
        assert!((180..=199).contains(&held), "{held} of {samples}");
    }

    #[test]
    fn one_value_is_no_sample_and_equal_ones_have_no_spread() {
        assert_eq!(Resamples::of(1).interval(|_| 1.0), None);
        let interval = Resamples::of(9).interval(|positions| positions.len() as f64);
        assert_eq!(interval, Some(Interval { low: 9.0, high: 9.0 }));
        assert_eq!(Resamples::of(9).interval(|_| f64::NAN), None);
    }
}
