//! Jobs, plots and feedback with odd numbers, as their author reads them: by the
//! names of the SDK's fields.

use spacetime_sdk_loader::abi::{BatchStats, Builder, Job, Plot, StopRule, features};

/// Names and values, in a row.
fn row(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
    fields.join(", ")
}

/// 32 bytes that are all the same, as they are here.
fn bytes(bytes: [u8; 32]) -> String {
    format!("{:02x}…", bytes[0])
}

/// A target; zero is none.
fn target(target: [u8; 32]) -> String {
    if target == [0; 32] { none() } else { bytes(target) }
}

/// A number; zero is none.
fn known(number: u64, unit: &str) -> String {
    if number == 0 { none() } else { format!("{number}{unit}") }
}

fn none() -> String {
    "none".to_owned()
}

pub(super) fn stats(stats: &BatchStats) -> String {
    // What is not drawn is the score of no leaf yet.
    let best = if stats.best == [0xFF; 32] { none() } else { bytes(stats.best) };
    row(&[
        ("leaves", stats.leaves.to_string()),
        ("bytes_read", stats.bytes_read.to_string()),
        ("elapsed", format!("{} ns", stats.elapsed_ns)),
        ("best", best),
        ("scanned", known(stats.reserved[features::STATS_SCANNED], "")),
        ("read_rate", known(stats.reserved[features::STATS_READ_RATE], "")),
        ("scan_rate", known(stats.reserved[features::STATS_SCAN_RATE], "")),
        ("time_left", known(stats.reserved[features::STATS_TIME_LEFT_MS], " ms")),
    ])
}

pub(super) fn job(job: &Job<'_>) -> String {
    let stop = match job.stop {
        StopRule::FIRST_UNDER_TARGET => "FirstUnderTarget".to_owned(),
        StopRule::BUDGET => format!("Budget({})", job.stop_leaves),
        _ => "BestOfAll".to_owned(),
    };
    let builder = match job.builder {
        Builder::TRANSPORT => "Transport",
        Builder::NOBODY => "Nobody",
        _ => "Host",
    };
    row(&[
        ("id", job.id.to_string()),
        ("challenge", bytes(job.challenge)),
        ("block_target", target(job.block_target)),
        ("share_target", target(job.share_target)),
        ("epoch", job.epoch.to_string()),
        ("height", job.height.to_string()),
        ("stop", stop),
        ("builder", builder.to_owned()),
        ("deadline", known(job.deadline_ms, " ms")),
        ("started", format!("{} ms", job.started_ms)),
        ("plots", job.plots.to_string()),
        ("leaves", job.leaves.to_string()),
        ("seed", job.seed.to_string()),
        ("time_left", known(job.reserved[features::JOB_TIME_LEFT_MS], " ms")),
    ])
}

pub(super) fn plot(plot: &Plot) -> String {
    row(&[
        ("id", bytes(plot.id)),
        ("leaf_count", plot.leaf_count.to_string()),
        ("index", plot.index.to_string()),
        ("drive", plot.drive.to_string()),
        ("read_rate", known(plot.read_rate, "")),
        ("scan_rate", known(plot.scan_rate, "")),
        ("readers", known(plot.reserved[features::PLOT_READERS], "")),
    ])
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::sample;

    #[test]
    fn fields_have_the_names_that_authors_know() {
        let mut told = BatchStats { elapsed_ns: 0, ..sample::stats(3, None) };
        told.reserved[features::STATS_TIME_LEFT_MS] = 7;
        assert_eq!(
            stats(&told),
            "leaves 3, bytes_read 96, elapsed 0 ns, best none, scanned none, read_rate none, \
             scan_rate none, time_left 7 ms"
        );
        let cancel = AtomicBool::new(false);
        let sample = sample::job(&cancel);
        let text = job(&Job { stop: StopRule::BUDGET, stop_leaves: 9, ..sample });
        for part in ["block_target 0f…", "share_target none", "stop Budget(9)", "seed 42"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = plot(&Plot { drive: 1000, ..sample::plot(5) });
        assert!(text.contains("leaf_count 5, index 0, drive 1000, read_rate none"), "{text}");
    }
}
