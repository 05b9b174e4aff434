//! Events in words, for somebody who watches a miner for the first time.

use spacetime_sdk::text::{count, line};

use super::{
    BestLeaf, CallTimes, Detail, Ended, Event, Fault, PluginUse, ShadowTotals, Started, Status,
    Stopped, Untold, event::rfc3339,
};

/// Lines of a fault's detail that are shown; a program gets them all.
const DETAIL: usize = 24;

/// Kinds of faults whose number is told at the end.
const UNTOLD: usize = 8;

/// Bytes of such a fault's message that are shown.
const UNTOLD_LENGTH: usize = 200;

/// How a line is to be set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Success.
    Good,
    /// As usual.
    Plain,
    /// Less important.
    Dim,
    /// Failure.
    Bad,
}

/// A line and its mood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// How to set it off.
    pub mood: Mood,
    /// The line.
    pub text: String,
}

/// Turns events into lines.
#[derive(Debug, Default)]
pub struct Narrator {
    /// Whether it has said what challenges are.
    explained: bool,
    accepted: u64,
}

impl Narrator {
    /// The lines that an event is worth.
    pub fn tell(&mut self, event: &Event) -> Vec<Said> {
        let time = rfc3339(event.unix_ms);
        // The time of day, as the user has the date.
        let time = time.get(11..19).unwrap_or_default().to_owned();
        self.lines(event)
            .into_iter()
            .map(|(mood, text)| Said { mood, text: format!("{time}  {text}") })
            .collect()
    }

    fn lines(&mut self, event: &Event) -> Vec<(Mood, String)> {
        let height = event.height.unwrap_or_default();
        let one = |mood, text| vec![(mood, text)];
        match &event.detail {
            Detail::Started(started) => started_lines(started),
            Detail::Challenge(challenge) if !std::mem::replace(&mut self.explained, true) => {
                let difficulty = challenge.difficulty.unwrap_or_default();
                one(
                    Mood::Dim,
                    format!(
                        "Each challenge is scanned for in all plots; about one leaf in {difficulty} \
                     scores low enough to win a block. The difficulty follows the block times."
                    ),
                )
            }
            Detail::Challenge(_) => Vec::new(),
            Detail::Proof(best) => one(Mood::Dim, best_line(event, best)),
            Detail::Won(won) => one(
                Mood::Good,
                format!(
                    "Won block {height}: score {} is under the target, {}, {} in fees",
                    short(&won.score.to_string()),
                    count(won.transactions, "transaction"),
                    won.fees
                ),
            ),
            Detail::Submitted(submitted) if submitted.attempt > 0 => one(
                Mood::Dim,
                format!(
                    "Sending it to {} again (attempt {})",
                    submitted.transport,
                    submitted.attempt + 1
                ),
            ),
            Detail::Submitted(_) => Vec::new(),
            Detail::Accepted(answered) => {
                self.accepted += 1;
                one(
                    Mood::Good,
                    format!(
                        "Block {height} accepted: {} ({} so far)",
                        short(&answered.hash.to_string()),
                        self.accepted
                    ),
                )
            }
            Detail::Rejected(answered) => one(
                Mood::Bad,
                format!(
                    "Block {height} was not accepted ({}): {}",
                    answered.verdict, answered.reason
                ),
            ),
            Detail::Lost(replaced) => one(
                Mood::Bad,
                format!(
                    "Block {height}, {}, is no longer in the chain: {} took its place",
                    short(&replaced.hash.to_string()),
                    short(&replaced.by.to_string())
                ),
            ),
            Detail::Regained { hash } => one(
                Mood::Good,
                format!("Block {height}, {}, is in the chain again", short(&hash.to_string())),
            ),
            Detail::Tip(tip) if tip.ours => Vec::new(),
            Detail::Tip(tip) => one(
                Mood::Plain,
                format!(
                    "The chain is at block {height} now, mined by {}; difficulty {}",
                    short(&tip.miner.to_string()),
                    tip.difficulty
                ),
            ),
            // Their sums are told at the end.
            Detail::Shadow(_) => Vec::new(),
            Detail::Fault(fault) => fault_lines(fault),
            // The log has it on stderr.
            Detail::Log(_) | Detail::Plugins(_) => Vec::new(),
            Detail::Stopped(stopped) => {
                let shadows = stopped.shadows.iter();
                let plugins = stopped.plugins.iter().map(|used| (Mood::Dim, used_line(used)));
                one(Mood::Plain, stopped_line(stopped))
                    .into_iter()
                    .chain(untold_lines(stopped).into_iter().map(|line| (Mood::Bad, line)))
                    .chain(shadows.map(|totals| (Mood::Plain, shadow_line(totals))))
                    .chain(plugins)
                    .collect()
            }
        }
    }

    /// What is going on, in one short line.
    pub fn status(&self, status: &Status) -> String {
        let Status { epoch, height, scanned, again, leaves, counters, .. } = status;
        let percent = scanned.saturating_mul(100) / (*leaves).max(1);
        let rate = |leaves: u64| size(leaves.saturating_mul(32_000) / status.elapsed_ms.max(1));
        let once = rate(*scanned);
        let again = match again {
            0 => String::new(),
            again => format!(" and, of leaves scanned again, {}/s", rate(*again)),
        };
        let doing = match status.scanning {
            _ if *epoch == 0 => "waiting for the first challenge".to_owned(),
            true => {
                format!("epoch {epoch}, block {height}: scanning {percent} % at {once}/s{again}")
            }
            false => format!("epoch {epoch}, block {height}: scanned {percent} %, waiting"),
        };
        format!(
            "{doing} · won {}, accepted {}, faults {}",
            counters.won, counters.accepted, counters.faults
        )
    }
}

fn started_lines(started: &Started) -> Vec<(Mood, String)> {
    let plugin = |name: &Option<String>, own: &str| match name {
        Some(name) => format!("`{name}`"),
        None => own.to_owned(),
    };
    let mut lines = vec![
        (
            Mood::Plain,
            format!(
                "Spacetime miner {} on network {} as {}",
                started.version, started.network, started.identity
            ),
        ),
        (
            Mood::Plain,
            format!(
                "{} with {} ({}); strategy {}, engine {}, policy {}, transport {}",
                count(started.plots, "plot"),
                count(started.leaves, "leaf"),
                size(started.bytes),
                plugin(&started.strategy, "all leaves in order"),
                plugin(&started.engine, &format!("built in ({})", started.kernels)),
                plugin(&started.policy, "empty blocks"),
                started.transports.join(", "),
            ),
        ),
    ];
    if started.plots == 0 {
        lines.push((
            Mood::Bad,
            "There is no usable plot, so nothing can be won: make one with \
            `spacetime-miner plot create`; it is found while the miner runs"
                .to_owned(),
        ));
    }
    lines.push((Mood::Dim, "Press Ctrl-C to stop.".to_owned()));
    lines
}

fn fault_lines(fault: &Fault) -> Vec<(Mood, String)> {
    let detail = fault.detail.lines().take(DETAIL).map(|line| (Mood::Dim, format!("  {line}")));
    std::iter::once((Mood::Bad, fault_line(fault))).chain(detail).collect()
}

/// What a component did, in one line.
fn used_line(used: &PluginUse) -> String {
    let calls = used.calls.iter().map(|(method, times)| calls(method, times));
    let counters = used.counters.iter().map(|(name, value)| format!("{name} {value}"));
    let faults = (used.faults > 0).then(|| count(used.faults, "fault"));
    let left_out = (used.log_lines_left_out > 0)
        .then(|| format!("{} left out", count(used.log_lines_left_out, "log line")));
    let parts: Vec<String> = calls.chain(counters).chain(faults).chain(left_out).collect();
    format!("{}: {}", used.component, parts.join("; "))
}

fn calls(method: &str, times: &CallTimes) -> String {
    let CallTimes { count: calls, given_up, total_ns, max_ns, p99_ns, .. } = *times;
    let late = || format!("{} of {method} that did not return in time", count(given_up, "call"));
    let times = match calls {
        0 if given_up > 0 => return late(),
        1 => format!("in {}", time(total_ns)),
        _ => {
            format!("in {}, 99 % within {}, longest {}", time(total_ns), time(p99_ns), time(max_ns))
        }
    };
    let returned = format!("{} of {method} {times}", count(calls, "call"));
    match given_up {
        0 => returned,
        _ => format!("{returned}; {}", late()),
    }
}

/// A time in the unit that suits it.
fn time(nanos: u64) -> String {
    match nanos {
        0..10_000 => format!("{nanos} ns"),
        10_000..10_000_000 => format!("{} µs", nanos / 1_000),
        10_000_000..10_000_000_000 => format!("{} ms", nanos / 1_000_000),
        _ => format!("{} s", nanos / 1_000_000_000),
    }
}

fn fault_line(fault: &Fault) -> String {
    // Most messages name their culprit themselves.
    let of = match fault.message.contains(&fault.culprit) {
        true => "Fault".to_owned(),
        false => format!("Fault of {}", fault.culprit),
    };
    let again = match fault.repeated {
        0 => String::new(),
        times => format!(" ({})", count(times, "more time")),
    };
    let next = if fault.next.is_empty() { String::new() } else { format!("; {}", fault.next) };
    format!("{of}: {}{again}{next}", fault.message)
}

fn best_line(event: &Event, best: &BestLeaf) -> String {
    let outcome = match (best.wins, best.block_target) {
        (true, _) => "wins".to_owned(),
        (false, Some(target)) => format!("no win, under {} is needed", short(&target.to_string())),
        (false, None) => "no block can be won".to_owned(),
    };
    let again = match best.again {
        0 => String::new(),
        again => format!(", {again} again"),
    };
    let ended = match best.ended {
        Ended::Complete => "",
        Ended::Deadline => ", out of time",
        Ended::Preempted => ", another block came",
        Ended::Stopped => ", stopped",
    };
    let speed = best.performance.as_ref().map(|performance| {
        let made = performance.drives.iter().map(|drive| drive.regenerated).sum::<u64>();
        let made = match made {
            0 => String::new(),
            made => format!(", {made} of them made again, not read"),
        };
        format!(" in {} ms, {}/s{made}", performance.scan_ms, size(performance.bytes_per_second))
    });
    format!(
        "Epoch {}, block {}: {} scanned ({:.0} %){again}{}{ended}; best score {}: {outcome}",
        event.epoch.unwrap_or_default(),
        event.height.unwrap_or_default(),
        count(best.scanned, "leaf"),
        best.coverage * 100.0,
        speed.unwrap_or_default(),
        short(&best.score.to_string()),
    )
}

fn stopped_line(stopped: &Stopped) -> String {
    let counters = &stopped.counters;
    let why = match stopped.reason {
        "blocks" => "as many blocks were accepted as were asked for",
        "time" => "the time is over",
        "failure" => "there is nothing to mine on",
        _ => "you asked for it",
    };
    let lost = match counters.lost {
        0 => String::new(),
        lost => format!(" ({lost} of them lost to others since)"),
    };
    let not_loaded = match stopped.plugins_not_loaded {
        0 => String::new(),
        plugins => {
            format!("; {} not loaded, see `spacetime-miner check`", count(plugins, "plugin"))
        }
    };
    format!(
        "Stopped after {} s because {why}: {}, {} won, {} accepted{lost}, {} not, {}{not_loaded}",
        stopped.seconds,
        count(counters.challenges, "challenge"),
        count(counters.won, "block"),
        counters.accepted,
        counters.rejected,
        count(counters.faults, "fault"),
    )
}

/// What the faults were that were not told one by one.
fn untold_lines(Stopped { counters, untold, .. }: &Stopped) -> Vec<String> {
    let all: u64 = untold.iter().map(|untold| untold.times).sum();
    if all == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{}, {} of them told above; besides:",
        count(counters.faults, "fault"),
        counters.faults.saturating_sub(all)
    )];
    let mut most: Vec<&Untold> = untold.iter().collect();
    most.sort_by_key(|untold| std::cmp::Reverse(untold.times));
    lines.extend(most.iter().take(UNTOLD).map(|Untold { culprit, message, times }| {
        let of = if message.contains(culprit) { String::new() } else { format!(" of {culprit}") };
        format!("  {times} more{of}: {}", line(message, UNTOLD_LENGTH))
    }));
    let rest: u64 = most.iter().skip(UNTOLD).map(|untold| untold.times).sum();
    if rest > 0 {
        lines.push(format!("  {rest} more of other kinds; `--json` has them in `untold`"));
    }
    lines
}

fn shadow_line(totals: &ShadowTotals) -> String {
    let ShadowTotals { shadow, challenges, missed, expected_wins, live_expected_wins, .. } = totals;
    if *challenges == 0 {
        return format!("Shadow `{shadow}`: it dealt with no challenge");
    }
    format!(
        "Shadow `{shadow}` over {}: {expected_wins:.2} expected wins ({live_expected_wins:.2} of \
         the live strategy), {} known to be found ({}), {} read, {} out of time",
        count(*challenges, "challenge"),
        totals.wins,
        totals.live_wins,
        size(totals.bytes),
        count(*missed, "time"),
    )
}

/// The beginning of a long hexadecimal number.
fn short(hex: &str) -> String {
    format!("{}…", hex.get(..12).unwrap_or(hex))
}

/// Bytes in powers of 1024, with two decimals.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = bytes.checked_ilog2().unwrap_or(0) as usize / 10;
    match power.checked_sub(1) {
        None => format!("{bytes} B"),
        Some(unit) => format!("{:.2} {}", bytes as f64 / 1024_f64.powi(power as i32), UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_decimals_in_powers_of_1024() {
        let texts = [0, 1023, 1024, 1536, 64 << 20, (1 << 40) + (1 << 39), u64::MAX].map(size);
        let sizes = ["0 B", "1023 B", "1.00 KiB", "1.50 KiB", "64.00 MiB", "1.50 TiB", "16.00 EiB"];
        assert_eq!(texts, sizes);
    }

    #[test]
    fn a_fault_names_its_culprit_and_what_happens_next() {
        let fault = Fault { repeated: 3, ..Fault::new("plot /p", "it is gone", "others go on") };
        let event =
            Event { unix_ms: 45_296_000, epoch: None, height: None, detail: Detail::Fault(fault) };
        let said = Narrator::default().tell(&event);
        assert_eq!(said.len(), 1);
        assert_eq!(
            said[0].text,
            "12:34:56  Fault of plot /p: it is gone (3 more times); others go on"
        );
    }

    #[test]
    fn a_backtrace_follows_its_fault() {
        let fault = Fault { detail: "0: one\n1: two".into(), ..Fault::new("x", "panicked", "") };
        let texts: Vec<String> = fault_lines(&fault).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["Fault of x: panicked", "  0: one", "  1: two"]);
    }

    #[test]
    fn a_plugins_line_says_what_it_did_and_how_long_that_took() {
        let times = CallTimes {
            count: 3,
            errors: 1,
            given_up: 0,
            total_ns: 12_000_000,
            max_ns: 9_999,
            p99_ns: 11_999,
        };
        let used = PluginUse {
            component: "strategy `x` (plugin p 1.0.0)".into(),
            instance: "x".into(),
            faults: 1,
            log_lines: 9,
            log_lines_left_out: 2,
            calls: [("open", CallTimes { count: 1, ..times }), ("plan", times)].into(),
            counters: [("hits".to_owned(), 7)].into(),
        };
        assert_eq!(
            used_line(&used),
            "strategy `x` (plugin p 1.0.0): 1 call of open in 12 ms; 3 calls of plan in 12 ms, 99 % \
             within 11 µs, longest 9999 ns; hits 7; 1 fault; 2 log lines left out"
        );
    }

    #[test]
    fn the_rate_is_that_of_distinct_leaves_and_repeats_are_told() {
        let leaves = |mib: u64| mib << 15;
        let status = Status {
            epoch: 3,
            height: 2,
            scanning: true,
            scanned: leaves(40),
            leaves: leaves(400),
            elapsed_ms: 2000,
            ..Status::default()
        };
        let told = |status: &Status| Narrator::default().status(status);
        let rest = "won 0, accepted 0, faults 0";
        assert_eq!(
            told(&status),
            format!("epoch 3, block 2: scanning 10 % at 20.00 MiB/s · {rest}")
        );
        assert_eq!(
            told(&Status { again: leaves(10), ..status }),
            format!(
                "epoch 3, block 2: scanning 10 % at 20.00 MiB/s and, of leaves scanned again, \
                 5.00 MiB/s · {rest}"
            )
        );
    }

    #[test]
    fn calls_that_were_given_up_are_told() {
        let nothing =
            CallTimes { count: 0, errors: 0, given_up: 2, total_ns: 0, max_ns: 0, p99_ns: 0 };
        assert_eq!(calls("plan", &nothing), "2 calls of plan that did not return in time");
        let some = CallTimes { count: 1, given_up: 1, total_ns: 7, ..nothing };
        assert_eq!(
            calls("plan", &some),
            "1 call of plan in 7 ns; 1 call of plan that did not return in time"
        );
    }

    #[test]
    fn faults_that_were_not_told_are_summed_at_the_end() {
        let untold = |culprit: &str, message: &str, times| Untold {
            culprit: culprit.into(),
            message: message.into(),
            times,
        };
        let counters = super::super::Counters { faults: 29, ..Default::default() };
        let mut stopped = Stopped {
            reason: "signal",
            seconds: 1,
            counters,
            plugins: Vec::new(),
            plugins_not_loaded: 0,
            untold: Vec::new(),
            shadows: Vec::new(),
        };
        assert!(untold_lines(&stopped).is_empty());
        stopped.untold =
            vec![untold("plot /p", "plot /p is gone", 2), untold("strategy `x`", "`plan`: no", 15)];
        assert_eq!(
            untold_lines(&stopped),
            [
                "29 faults, 12 of them told above; besides:",
                "  15 more of strategy `x`: `plan`: no",
                "  2 more: plot /p is gone",
            ]
        );
        stopped.untold = (0..10).map(|kind| untold("x", &format!("{kind}"), 1)).collect();
        let lines = untold_lines(&stopped);
        assert_eq!(lines.len(), 1 + UNTOLD + 1);
        assert!(lines[9].starts_with("  2 more of other kinds"), "{lines:?}");
    }

    #[test]
    fn plugins_that_were_not_loaded_are_told_at_the_end() {
        let stopped = Stopped {
            reason: "signal",
            seconds: 1,
            counters: super::super::Counters::default(),
            plugins: Vec::new(),
            plugins_not_loaded: 1,
            untold: Vec::new(),
            shadows: Vec::new(),
        };
        let line = stopped_line(&stopped);
        assert!(line.ends_with("; 1 plugin not loaded, see `spacetime-miner check`"), "{line}");
        assert!(!stopped_line(&Stopped { plugins_not_loaded: 0, ..stopped }).contains("loaded"));
    }
}
