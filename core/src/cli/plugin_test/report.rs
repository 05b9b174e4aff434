//! What `plugin test` prints: a line per rule, and how to see a failure again.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    path::Path,
};

use serde::Serialize;
use spacetime_conformance::{Finding, JOBS, Judgement, Outcome, Rule, rule, rules_for};
use spacetime_sdk::text::count;
use spacetime_sdk_loader::Kind;

use super::{Args, NO_CONFIG, OPENS, subjects::Tested};
use crate::cli::{Exit, Failure, Output, Style};

/// The rule against panics.
const NO_PANICS: &str = "ANY-004";

/// The document of `plugin test`.
#[derive(Serialize)]
struct Document<'a> {
    path: &'a Path,
    seed: u64,
    jobs: u64,
    components: &'a [Component],
    kept: usize,
    broken: usize,
    not_judged: usize,
}

/// What came of one component's tests.
#[derive(Serialize)]
struct Component {
    kind: Kind,
    name: String,
    config: String,
    /// Fields of its config that it was not tested with.
    config_left_out: Vec<String>,
    rules: Vec<Row>,
}

/// What came of a rule.
#[derive(Serialize)]
struct Row {
    id: &'static str,
    name: &'static str,
    result: State,
    /// Why it could not be judged, or what could not be looked at; may be empty.
    note: String,
    /// `null`: it has no test of its own.
    seconds: Option<f64>,
    findings: Vec<Found>,
}

impl Row {
    fn of(rule: &Rule, result: State, note: String, seconds: Option<f64>) -> Self {
        Self { id: rule.id, name: rule.name, result, note, seconds, findings: vec![] }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Kept,
    Broken,
    NotJudged,
}

/// How a rule was seen to be broken.
#[derive(Clone, Serialize)]
struct Found {
    /// The rule whose test it was.
    by: &'static str,
    seen: String,
    given: String,
    /// The command that shows it again.
    again: String,
}

/// A test that a panic ended, and what it found.
struct Panicked {
    rule: &'static Rule,
    seconds: f64,
    place: String,
    finding: Finding,
}

/// What is printed, and how it ends.
pub(super) struct Report<'a> {
    args: &'a Args,
    output: &'a Output,
    file: &'a Path,
    components: Vec<Component>,
    /// What broke the rules of the component that is being tested.
    findings: BTreeMap<&'static str, Vec<Found>>,
    /// Where it panicked in use as miners have it.
    panics: BTreeSet<String>,
    /// Tests that a panic ended: whether their rules are broken is known when all
    /// tests are over.
    panicked: Vec<Panicked>,
    /// Why a component could not be tested at all; of several, the last one.
    unusable: Option<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(args: &'a Args, tested: &'a [Tested], output: &'a Output) -> Self {
        let file = tested.first().map_or(Path::new(""), |tested| shown(&tested.subject.file));
        Self {
            args,
            output,
            file,
            components: Vec::new(),
            findings: BTreeMap::new(),
            panics: BTreeSet::new(),
            panicked: Vec::new(),
            unusable: None,
        }
    }

    /// A component's tests begin.
    pub(super) fn begin(&mut self, tested: &Tested) -> Result<(), Failure> {
        let subject = &tested.subject;
        self.components.push(Component {
            kind: subject.kind,
            name: subject.component.clone(),
            config: subject.config.clone(),
            config_left_out: tested.left_out.clone(),
            rules: Vec::new(),
        });
        self.findings.clear();
        self.panics.clear();
        let (name, version) = (tested.name(), &tested.version);
        let line = format!("{name} {version}, config {}", subject.config);
        self.output.line(self.output.paint(Style::Bold, line))?;
        match tested.how_to_test_more() {
            Some(more) => self.output.line(self.output.paint(Style::Dim, format!("  {more}"))),
            None => Ok(()),
        }
    }

    /// One of its tests is over.
    pub(super) fn judged(
        &mut self,
        tested: &Tested,
        rule: &'static Rule,
        judged: Judgement,
    ) -> Result<(), Failure> {
        let seconds = judged.took.as_secs_f64();
        if let Outcome::Broken(finding) = &judged.outcome
            && let Some(place) = finding.panic.clone()
        {
            let finding = finding.clone();
            if finding.rule != NO_PANICS {
                self.panicked.push(Panicked { rule, seconds, place, finding });
                return Ok(());
            }
            self.panics.insert(place);
        }
        let is_unusable = rule.id == OPENS
            && matches!(judged.outcome, Outcome::NotJudged { .. } | Outcome::Refused { .. });
        let (result, note) = match judged.outcome {
            Outcome::Kept { note } => (State::Kept, note),
            Outcome::NotJudged { reason } => {
                if rule.id == OPENS {
                    self.unusable = Some(format!("{} cannot be tested: {reason}", tested.name()));
                }
                (State::NotJudged, reason)
            }
            Outcome::Refused { reason } => {
                let note = format!("{reason}. {}", tested.how_to_configure());
                self.unusable = Some(format!("{} cannot be tested: {note}", tested.name()));
                (State::NotJudged, note)
            }
            Outcome::Hindered { late, by } => {
                (State::NotJudged, format!("{}: ANY-003, found by {by}", late.told()))
            }
            Outcome::Broken(finding) => self.broken(tested, rule, finding)?,
        };
        let row = Row::of(rule, result, note, Some(seconds));
        if is_unusable {
            // It is said of all rules together.
            self.keep(row);
            return Ok(());
        }
        self.row(row)
    }

    /// Says which rules are broken by the panics that ended tests: by one and the
    /// same panic, one is. The first of all that are, if any.
    fn judge_panicked(&mut self, tested: &Tested) -> Result<Option<String>, Failure> {
        let mut panicked = std::mem::take(&mut self.panicked);
        panicked.sort_by_key(|it| tested.rules.iter().position(|rule| rule.id == it.rule.id));
        let known = std::mem::take(&mut self.panics).into_iter();
        let mut known: BTreeMap<String, String> =
            known.map(|place| (place, NO_PANICS.to_owned())).collect();
        let mut first = known.values().next().cloned();
        for Panicked { rule, seconds, place, finding } in panicked {
            let other = match &*place {
                // Whichever it was, it was before.
                "" => known.values().next(),
                place => known.get(place),
            };
            let (result, note) = match other {
                Some(other) => (State::NotJudged, format!("it panics: see {other}")),
                None => {
                    first.get_or_insert_with(|| finding.rule.clone());
                    known.insert(place, finding.rule.clone());
                    self.broken(tested, rule, finding)?
                }
            };
            self.row(Row::of(rule, result, note, Some(seconds)))?;
        }
        Ok(first)
    }

    /// What the test of a rule comes to that found one to be broken.
    fn broken(
        &mut self,
        tested: &Tested,
        rule: &Rule,
        finding: Finding,
    ) -> Result<(State, String), Failure> {
        let is_own = finding.rule == rule.id;
        let why = format!("{} is broken", finding.rule);
        self.found(tested, rule, finding)?;
        Ok(if is_own { (State::Broken, String::new()) } else { (State::NotJudged, why) })
    }

    /// A rule is broken, not always the one that was tested.
    fn found(&mut self, tested: &Tested, by: &Rule, finding: Finding) -> Result<(), Failure> {
        // Every finding names a rule of the kit.
        let Some(broken) = rule(&finding.rule) else { return Ok(()) };
        let again = again(self.args, tested, by.id);
        let found = Found { by: by.id, seen: finding.seen, given: finding.input, again };
        let all = self.findings.entry(broken.id).or_default();
        all.push(found.clone());
        if all.len() > 1 {
            return Ok(());
        }
        let state = self.output.paint(Style::Bad, "BROKEN    ");
        self.output.part(format!(
            "  {state}  {}  {}\n              seen   {}\n              given  {}\n              \
             again  {}",
            broken.id, broken.name, found.seen, found.given, found.again
        ))
    }

    fn row(&mut self, row: Row) -> Result<(), Failure> {
        // What is broken was shown when it was found.
        let is_shown = row.result != State::Broken;
        let name = format!("{}  {}", row.id, row.name);
        let line = self.line(row.result, &name, row.seconds, &row.note);
        self.keep(row);
        if is_shown { self.output.line(line) } else { Ok(()) }
    }

    fn keep(&mut self, row: Row) {
        if let Some(component) = self.components.last_mut() {
            component.rules.push(row);
        }
    }

    fn line(&self, result: State, name: &str, seconds: Option<f64>, note: &str) -> String {
        let (state, style) = match result {
            State::Kept => ("ok        ", Style::Good),
            State::NotJudged => ("not judged", Style::Warn),
            State::Broken => ("", Style::Bad),
        };
        let mut line = format!("  {}  {name}", self.output.paint(style, state));
        if let Some(seconds) = seconds {
            let _ = write!(line, ", {}", self.output.paint(Style::Dim, format!("{seconds:.1} s")));
        }
        if !note.is_empty() {
            let _ = write!(line, "\n              {}", self.output.paint(Style::Dim, note));
        }
        line
    }

    /// A component cannot be opened, so that the other tests are left out.
    pub(super) fn unusable(
        &mut self,
        tested: &Tested,
        left_out: &[&'static Rule],
    ) -> Result<(), Failure> {
        let (which, why) = match self.components.last().and_then(|it| it.rules.last()) {
            Some(row) if self.findings.is_empty() => ("all rules", row.note.clone()),
            _ => ("all other rules", "it does not open".to_owned()),
        };
        let standing = self.standing(tested);
        let not_judged = left_out.iter().copied().chain(standing);
        let not_judged = not_judged
            .map(|rule| Row::of(rule, State::NotJudged, "it does not open".to_owned(), None));
        not_judged.for_each(|row| self.keep(row));
        self.output.line(self.line(State::NotJudged, which, None, &why))?;
        self.collect();
        Ok(())
    }

    /// Rules without a test of their own of which nothing was found.
    fn standing(&self, tested: &Tested) -> Vec<&'static Rule> {
        let is_all = self.args.rule.is_empty();
        let standing = rules_for(tested.subject.kind).filter(|rule| !rule.has_test() && is_all);
        standing.filter(|rule| !self.findings.contains_key(rule.id)).collect()
    }

    /// All tests of a component are over.
    pub(super) fn end(&mut self, tested: &Tested) -> Result<(), Failure> {
        let by_panic = self.judge_panicked(tested)?;
        for rule in self.standing(tested) {
            let (result, note) = match by_panic.as_ref().filter(|_| rule.id == NO_PANICS) {
                // On what is against that rule, and on nothing else.
                Some(other) => (State::NotJudged, format!("it panics: see {other}")),
                None => (State::Kept, String::new()),
            };
            self.row(Row::of(rule, result, note, None))?;
        }
        self.collect();
        Ok(())
    }

    /// Puts what was found beside the rules that it breaks.
    fn collect(&mut self) {
        let findings = std::mem::take(&mut self.findings);
        let Some(component) = self.components.last_mut() else { return };
        for (id, findings) in findings {
            match component.rules.iter_mut().find(|row| row.id == id) {
                Some(row) => (row.result, row.findings) = (State::Broken, findings),
                None => component.rules.push(Row {
                    id,
                    name: rule(id).map_or("", |rule| rule.name),
                    result: State::Broken,
                    note: String::new(),
                    seconds: None,
                    findings,
                }),
            }
        }
        component
            .rules
            .sort_by_key(|row| rules_for(component.kind).position(|rule| rule.id == row.id));
    }

    /// Prints what came of all, and says how the command ends.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let rows = || self.components.iter().flat_map(|component| &component.rules);
        let number = |state| rows().filter(|row| row.result == state).count();
        let (kept, broken) = (number(State::Kept), number(State::Broken));
        let document = Document {
            path: self.file,
            seed: self.args.seed,
            jobs: self.args.jobs,
            components: &self.components,
            kept,
            broken,
            not_judged: number(State::NotJudged),
        };
        let rules = count(kept as u64, "rule");
        let (seed, not_judged) = (document.seed, document.not_judged);
        let text = format!("{rules} kept, {broken} broken, {not_judged} not judged, seed {seed}");
        self.output.result(&document, text)?;
        match (self.unusable, broken) {
            (Some(why), _) => Err(Failure::new(Exit::Plugin, why)),
            (None, 0) => Ok(()),
            (None, broken) => {
                let rules = if broken == 1 { "a rule" } else { "rules" };
                let file = self.file.display();
                let ids: Vec<&str> =
                    rows_of(&self.components, State::Broken).map(|row| row.id).collect();
                Err(Failure::new(
                    Exit::Contract,
                    format_args!("{file} breaks {rules} of its kind: {}", ids.join(", ")),
                ))
            }
        }
    }
}

fn rows_of(components: &[Component], state: State) -> impl Iterator<Item = &Row> {
    let rows = components.iter().flat_map(|component| &component.rules);
    rows.filter(move |row| row.result == state)
}

/// The command that runs one test again, by the program that this one was
/// started as.
fn again(args: &Args, tested: &Tested, rule: &str) -> String {
    let subject = &tested.subject;
    let component = format!("{}:{}", subject.kind, subject.component);
    let program = env::args_os().next().unwrap_or_else(|| "spacetime-miner".into());
    let program = program.to_string_lossy().into_owned();
    let file = shown(&subject.file).to_string_lossy().into_owned();
    let mut words = vec![program, "plugin".to_owned(), "test".to_owned(), file];
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
    option("--component", &component);
    if subject.config != NO_CONFIG {
        option("--config", &subject.config);
    }
    option("--rule", rule);
    option("--seed", &args.seed.to_string());
    if args.jobs != JOBS {
        option("--jobs", &args.jobs.to_string());
    }
    if let Some(node) = &args.node {
        option("--node", node);
    }
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A file as people name it.
pub(super) fn shown(file: &Path) -> &Path {
    file.strip_prefix(".").unwrap_or(file)
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        assert_eq!(quoted("a/b_c.so"), "a/b_c.so");
        assert_eq!(quoted("(step: 3)"), "'(step: 3)'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
