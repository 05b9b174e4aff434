//! `plugin test`: a plugin's components against the rules of their kinds, each
//! test in a process of its own.

mod report;
mod subjects;

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    process::Command,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use spacetime_conformance::{
    JOBS, Judgement, Late, Lateness, Outcome, Rule, SEED, SlowMethods, judge, run_if_asked,
};

use self::{
    report::Report,
    subjects::{Tested, list, tested},
};
use super::{Exit, Failure, Output};

/// The command that tests one component against one rule, and what it is
/// called by.
const CHILD: [&str; 2] = ["plugin", "test-child"];

/// The rule whose test says whether a component can be tested at all.
const OPENS: &str = "ANY-001";

/// A config without a field.
const NO_CONFIG: &str = "()";

/// Arguments of `plugin test`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The plugin file, or the name of a crate that lies where plugins are looked for
    #[arg(value_name = "FILE", required_unless_present = "list")]
    file: Option<PathBuf>,
    /// Test this component only; KIND:NAME where two kinds share a name
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// The component's config, as `config:` of a manifest has it, such as '(min_fee: 3)': it is
    /// tested with that, and with other values in it; in a transport's, {node} is its node
    #[arg(long, value_name = "RON", default_value = NO_CONFIG)]
    config: String,
    /// Test this rule only; repeatable
    #[arg(long, value_name = "ID")]
    rule: Vec<String>,
    /// What random inputs are drawn from
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u64,
    /// Over how many jobs growth is looked for; leaks of few bytes need many
    #[arg(long, value_name = "N", default_value_t = JOBS)]
    jobs: u64,
    /// The node that transports connect with; without it, one that says nothing
    #[arg(long, value_name = "HOST:PORT")]
    node: Option<String>,
    /// How many tests run at once [default: one per processor]
    #[arg(long, value_name = "N")]
    parallel: Option<NonZeroUsize>,
    /// List the rules, with what they require, and test nothing
    #[arg(long)]
    list: bool,
}

pub(in crate::cli) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    if args.list {
        return list(args, output);
    }
    let tested = tested(args)?;
    let mut report = Report::new(args, &tested, output);
    for tested in &tested {
        test(args, tested, &mut report)?;
    }
    report.finish()
}

/// What the processes run that `plugin test` starts.
pub(in crate::cli) fn child() -> Result<(), Failure> {
    match run_if_asked() {
        true => Ok(()),
        false => Err(Failure::new(
            Exit::Usage,
            "this is what `plugin test` runs; use `spacetime-miner plugin test FILE`",
        )),
    }
}

/// Tests one component, several rules at a time.
fn test(args: &Args, tested: &Tested, report: &mut Report<'_>) -> Result<(), Failure> {
    report.begin(tested)?;
    let slow = SlowMethods::default();
    let mut rules = &*tested.rules;
    if let Some((first, rest)) = rules.split_first().filter(|(first, _)| first.id == OPENS) {
        let judged = judge_one(tested, first, &slow)?;
        let opens = match &judged.outcome {
            Outcome::Kept { .. } => true,
            Outcome::Broken(finding) => {
                let hangs = |late: &Late| late.how == Lateness::Hangs;
                finding.rule != OPENS && !finding.late.as_ref().is_some_and(hangs)
            }
            Outcome::NotJudged { .. } | Outcome::Refused { .. } | Outcome::Hindered { .. } => false,
        };
        report.judged(tested, first, judged)?;
        if !opens {
            return report.unusable(tested, rest);
        }
        rules = rest;
    }
    let next = AtomicUsize::new(0);
    let at_once = args.parallel.map_or_else(processors, NonZeroUsize::get).min(rules.len());
    thread::scope(|scope| {
        let (sender, judged) = mpsc::channel();
        for _ in 0..at_once {
            let (sender, next, slow) = (sender.clone(), &next, &slow);
            scope.spawn(move || {
                while let Some(rule) = rules.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // Whoever listened may have failed.
                    if sender.send((*rule, judge_one(tested, rule, slow))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (rule, judged) in judged {
            report.judged(tested, rule, judged?)?;
        }
        report.end(tested)
    })
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn judge_one(tested: &Tested, rule: &Rule, slow: &SlowMethods) -> Result<Judgement, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(Exit::Internal, format_args!("cannot start a test: {error}"))
    };
    let program = std::env::current_exe().map_err(cannot)?;
    let start = || {
        let mut command = Command::new(&program);
        command.args(CHILD);
        command
    };
    judge(&tested.subject, rule, slow, start).map_err(cannot)
}
