//! The strategy `my-plugin`: every plot, from its end to its beginning.

use spacetime_sdk::{Job, Plan, Plot, Result, Schema, Spans, Strategy, serde::Deserialize};

/// What the manifest may say: `config: (span: 65536)`.
#[derive(Deserialize, Schema)]
#[serde(crate = "spacetime_sdk::serde", default)]
struct Config {
    /// Leaves to look at in one go.
    #[schema(min = 1, default = 65536)]
    span: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { span: 1 << 16 }
    }
}

/// The miner opens one for each plot that it scans at a time.
struct Backwards {
    span: u64,
    /// What is not planned yet: the leaves before this one.
    left: u64,
}

impl Strategy for Backwards {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        Ok(Self {
            span: config.span,
            left: 0,
        })
    }

    // A new challenge or another plot: start over, whatever went on before.
    fn begin(&mut self, _job: &Job, plot: &Plot) -> Result<()> {
        self.left = plot.leaf_count;
        Ok(())
    }

    // Called until it says `Done`, or until there is a newer challenge.
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        while self.left > 0 {
            let len = self.span.min(self.left);
            // `false`: the miner's list is full. It comes back for the rest.
            if !spans.push(self.left - len, len) {
                return Ok(Plan::More);
            }
            self.left -= len;
        }
        Ok(Plan::Done)
    }
}

spacetime_sdk::export_plugin! {
    strategy "my-plugin": Backwards, "Every plot, from its end to its beginning";
}
