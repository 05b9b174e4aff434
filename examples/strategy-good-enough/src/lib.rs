//! The strategy `good-enough`: every leaf in order, until a score is good
//! enough. What is left of the plots need not be read: drives sleep sooner.

use spacetime_sdk::{
    BatchStats, Job, Plan, Plot, Result, Schema, Spans, Strategy, count,
    protocol::{Score, Target, score},
    serde::Deserialize,
    tracing,
};

/// What the manifest may say: `config: (times: 4, portion: 65536)`.
#[derive(Deserialize, Schema)]
#[serde(crate = "spacetime_sdk::serde", default)]
struct Config {
    /// How much rarer a score must be than the target asks for.
    #[schema(min = 1, default = 4)]
    times: u64,
    /// Leaves to plan between two looks at the best score.
    #[schema(min = 1, default = 65536)]
    portion: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { times: 4, portion: 1 << 16 }
    }
}

/// Configs are settings; what changes while mining is kept beside them.
struct GoodEnough {
    config: Config,
    /// The difficulty that a score must reach; `None`: no score is enough.
    goal: Option<u64>,
    is_reached: bool,
    /// The leaves that are not planned yet.
    next: u64,
    end: u64,
}

impl Strategy for GoodEnough {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        Ok(Self { config, goal: None, is_reached: false, next: 0, end: 0 })
    }

    // Nothing of the last job may leak into this one: all state is set anew.
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        let target = job.block_target.or(job.share_target);
        self.goal =
            target.map(|target| score::difficulty(&target).saturating_mul(self.config.times));
        self.is_reached = false;
        (self.next, self.end) = (0, plot.leaf_count);
        Ok(())
    }

    // A portion at a time: what has been planned is scanned, whatever becomes
    // known meanwhile.
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        let len = self.config.portion.min(self.end - self.next);
        if self.is_reached || len == 0 {
            return Ok(Plan::Done);
        }
        if spans.push(self.next, len) {
            self.next += len;
        }
        Ok(if self.next < self.end { Plan::More } else { Plan::Done })
    }

    // The best score is that of all plots: a good one ends the others' plans
    // as well.
    fn feedback(&mut self, stats: &BatchStats) -> Result<()> {
        let reached = stats.best.map_or(0, |best| difficulty(&best));
        if !self.is_reached && self.goal.is_some_and(|goal| reached >= goal) {
            self.is_reached = true;
            let left = self.end - self.next;
            tracing::debug!("a score of difficulty {reached} is enough: {left} leaves left out");
            // Shown under the component's name among the miner's metrics.
            count("leaves_left_out", left);
        }
        Ok(())
    }
}

/// The difficulty whose target this score just misses.
fn difficulty(score: &Score) -> u64 {
    score::difficulty(&Target::new(score.to_bytes()))
}

spacetime_sdk::export_plugin! {
    strategy "good-enough": GoodEnough, "Every leaf in order, until a score is good enough";
}
