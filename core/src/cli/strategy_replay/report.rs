//! What `strategy replay` prints.

use std::{
    collections::HashSet,
    fmt::{self, Write},
    path::Path,
    sync::Arc,
};

use serde::Serialize;

use super::candidates::Candidates;
use crate::{
    cli::{Exit, Failure},
    observe::{count, rfc3339, size},
    replay::{Challenges, Compared, Figures, Interval, LeftOut, Paired, Reproduced, Tried},
    scan::LeafSource,
};

/// What simulated figures rest on.
const SIMULATED: &str = "Simulated: nothing was read. Drives deliver and workers hash as fast as \
                         they did then; the time that strategies themselves take is not counted. \
                         Wins are expected from the number of leaves scanned; known wins are the \
                         recorded ones whose leaf would have been scanned in time.";

/// What scanned figures rest on.
const SCANNED: &str = "Really scanned: with the plots that are there now, on this machine as it \
                       is now, each challenge for as long as there was time for it.";

/// Challenges up to which intervals are too narrow.
const FEW: usize = 30;

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    record: String,
    /// `simulated` or `scanned`.
    mode: &'static str,
    rests_on: &'static str,
    challenges: usize,
    /// When the first and the last one began, RFC 3339.
    from: String,
    to: String,
    left_out: LeftOut,
    damaged_lines: u64,
    pub(super) reproduced: Reproduced,
    remarks: Vec<String>,
    strategies: Vec<Row>,
}

/// A strategy.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// `recorded`: what really happened; `baseline`: the recorded strategy,
    /// tried like the others; `candidate`.
    role: &'static str,
    #[serde(flatten)]
    figures: Figures,
    /// Beside the baseline; none: it is the baseline, or there is none.
    compared: Option<Compared>,
    /// What it did wrong, each with how often.
    faults: Vec<(String, u64)>,
}

impl Report {
    pub(super) fn new(
        record: &Path,
        scanned: bool,
        challenges: &Challenges,
        candidates: &Candidates,
    ) -> Self {
        let began = challenges.list.iter().map(|challenge| challenge.recorded.entry.started_ms);
        let mut remarks = candidates.remarks.clone();
        if challenges.only_jumped && !scanned {
            remarks.push(
                "no read of some drive went on where the one before had ended, so that strategies \
                 that read on look slower here than they are"
                    .to_owned(),
            );
        }
        if challenges.list.len() < FEW {
            remarks.push(format!(
                "intervals from fewer than {FEW} challenges are narrower than they should be"
            ));
        }
        let mode = if scanned { ("scanned", SCANNED) } else { ("simulated", SIMULATED) };
        Self {
            record: record.display().to_string(),
            mode: mode.0,
            rests_on: mode.1,
            challenges: challenges.list.len(),
            from: began.clone().min().map(rfc3339).unwrap_or_default(),
            to: began.max().map(rfc3339).unwrap_or_default(),
            left_out: challenges.left_out,
            damaged_lines: 0,
            reproduced: Reproduced::default(),
            remarks,
            strategies: Vec::new(),
        }
    }

    pub(super) fn remark_damage(&mut self, damaged: u64, is_cut: bool) {
        self.damaged_lines = damaged;
        if damaged > 0 {
            let cut = if is_cut { ", the last one among them" } else { "" };
            let lines = count(damaged, "damaged line");
            self.remarks.push(format!("left out of the record: {lines}{cut}"));
        }
    }

    /// Says which plots of the record are gone.
    ///
    /// # Errors
    ///
    /// All of them are.
    pub(super) fn remark_missing_plots(
        &mut self,
        challenges: &Challenges,
        plots: &[Arc<dyn LeafSource>],
    ) -> Result<(), Failure> {
        let there: HashSet<_> = plots.iter().map(|plot| (plot.id(), plot.leaf_count())).collect();
        let recorded = challenges.list.iter().flat_map(|challenge| &*challenge.recorded.plots);
        let recorded: HashSet<_> = recorded.map(|plot| (plot.id, plot.leaf_count)).collect();
        let missing = recorded.difference(&there).count();
        if missing == recorded.len() {
            let message = "no plot of the record is there any more, so nothing can be scanned";
            return Err(Failure::new(Exit::Plot, message));
        }
        if missing > 0 {
            self.remarks.push(format!(
                "not there any more, and not scanned: {missing} of {} of the record",
                count(recorded.len() as u64, "plot")
            ));
        }
        Ok(())
    }

    /// Adds what really happened, and what came of the candidates, the first of
    /// which is the baseline.
    pub(super) fn add(&mut self, challenges: &Challenges, tried: &[Tried]) {
        let was: Vec<_> =
            challenges.list.iter().map(|challenge| Some(challenge.as_it_was())).collect();
        self.strategies.push(Row {
            name: "as it was".to_owned(),
            role: "recorded",
            figures: Figures::of(&was),
            compared: None,
            faults: Vec::new(),
        });
        let Some((baseline, others)) = tried.split_first() else { return };
        let has_baseline = baseline.outcomes.iter().any(Option::is_some);
        if has_baseline {
            self.strategies.push(Row {
                name: baseline.name.clone(),
                role: "baseline",
                figures: Figures::of(&baseline.outcomes),
                compared: None,
                faults: baseline.faults.clone(),
            });
        }
        // Without the recorded strategy, what really happened has to do.
        let baseline = if has_baseline { &baseline.outcomes } else { &was };
        self.strategies.extend(others.iter().map(|tried| Row {
            name: tried.name.clone(),
            role: "candidate",
            figures: Figures::of(&tried.outcomes),
            compared: Some(Compared::of(&tried.outcomes, baseline)),
            faults: tried.faults.clone(),
        }));
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text.truncate(text.trim_end().len());
        text
    }

    fn write(&self, f: &mut impl Write) -> fmt::Result {
        let Self { record, challenges, from, to, .. } = self;
        let challenges = count(*challenges as u64, "challenge");
        writeln!(f, "{challenges} from {from} to {to}, recorded in {record}")?;
        writeln!(f, "{}", self.rests_on)?;
        if self.left_out != LeftOut::default() {
            writeln!(f, "Left out: {}.", self.left_out)?;
        }
        self.write_reproduced(f)?;
        for remark in &self.remarks {
            writeln!(f, "Note: {remark}.")?;
        }
        for row in &self.strategies {
            writeln!(f)?;
            row.write(f)?;
        }
        Ok(())
    }

    fn write_reproduced(&self, f: &mut impl Write) -> fmt::Result {
        let Reproduced { same, different, unknown, first } = &self.reproduced;
        write!(f, "Plan reproduced in {same} of {}", same + different)?;
        if *unknown > 0 {
            write!(f, " ({unknown} could not be compared)")?;
        }
        match first {
            Some(first) => writeln!(f, "; first difference: {first}"),
            None => writeln!(f),
        }
    }
}

impl Row {
    fn write(&self, f: &mut impl Write) -> fmt::Result {
        let Figures { challenges, wins, scanned, bytes, ms, missed, by_host, .. } = &self.figures;
        let role = match self.role {
            "baseline" => " (recorded strategy; the others are compared with it)",
            _ => "",
        };
        writeln!(f, "{}{role}", self.name)?;
        let figures = &self.figures;
        let expected = figures.expected_wins;
        write!(f, "  expected wins  {}", number(expected))?;
        if let Some(Interval { low, high }) = figures.expected_wins_per_challenge {
            let each = expected / (*challenges).max(1) as f64;
            write!(f, "; per challenge {} [{}, {}]", number(each), number(low), number(high))?;
        }
        writeln!(f)?;
        write!(f, "  known wins     {wins} of {challenges}")?;
        if let Some(Interval { low, high }) = figures.win_rate {
            write!(f, "; per challenge [{}, {}]", number(low), number(high))?;
        }
        writeln!(f)?;
        if let Some(compared) = &self.compared {
            write!(f, "  of the baseline's expected wins {}", paired(&compared.ratio))?;
            writeln!(f, "; of its known wins {}", paired(&compared.ratio_of_wins))?;
            writeln!(f, "  more per challenge {}", paired(&compared.difference))?;
        }
        let each = *ms as f64 / (*challenges).max(1) as f64;
        writeln!(
            f,
            "  {} scanned, {} read, {} ms per challenge, {} out of time",
            count(*scanned, "leaf"),
            size(*bytes),
            number(each),
            count(*missed, "time")
        )?;
        if *by_host > 0 && self.role != "recorded" {
            writeln!(f, "  the miner's own plan stood in at {}", count(*by_host, "challenge"))?;
        }
        for (fault, times) in &self.faults {
            writeln!(f, "  fault, {}: {fault}", count(*times, "time"))?;
        }
        Ok(())
    }
}

fn paired(paired: &Paired) -> String {
    let value = paired.value.map_or_else(|| "unknown".to_owned(), number);
    match paired.interval {
        Some(Interval { low, high }) => format!("{value} [{}, {}]", number(low), number(high)),
        None => value,
    }
}

/// A number with four digits that count.
fn number(number: f64) -> String {
    let before = number.abs().max(1e-300).log10().floor();
    match before as i32 {
        _ if number == 0.0 => "0".to_owned(),
        4.. => format!("{number:.0}"),
        before @ -3..4 => {
            let text = format!("{number:.*}", (3 - before).max(0) as usize);
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
        _ => format!("{number:.3e}"),
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.again, "scanned for again with other plots"),
            (self.stopped, "ended with the miner"),
            (self.without_target, "without a target"),
            (self.without_rate, "with a drive whose rate is not known"),
        ];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_four_digits_that_count() {
        let numbers = [0.0, 1.0, 0.5, 123.456, 123_456.7, 0.001_234_56, 0.000_012_345_6, -2.5];
        let texts = ["0", "1", "0.5", "123.5", "123457", "0.001235", "1.235e-5", "-2.5"];
        assert_eq!(numbers.map(number), texts);
    }
}
