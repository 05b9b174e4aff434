//! `plugin explain`: what the code of a refusal, or of a rule of `plugin test`,
//! means, why there is such a rule, and what to do.

use std::{borrow::Cow, fmt::Write};

use serde::Serialize;
use spacetime_conformance::{Rule, rule, rules};
use spacetime_sdk_loader::{Code, Explanation};

use super::{Exit, Failure, Output, Style};

/// Columns of the text.
const WIDTH: usize = 80;

/// Arguments of `plugin explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The code, such as PLG-0007, 7 or STR-003; without it, all are listed
    code: Option<String>,
}

/// A code, as JSON.
#[derive(Debug, Serialize)]
struct Explained {
    code: &'static str,
    title: &'static str,
    meaning: &'static str,
    /// Up to where a rule is kept, with an example; `None`: there is no more or less
    /// of it.
    limit: Option<&'static str>,
    reason: &'static str,
    remedy: Cow<'static, str>,
}

impl From<&Explanation> for Explained {
    fn from(explanation: &Explanation) -> Self {
        let &Explanation { code, title, meaning, reason, remedy } = explanation;
        Self { code, title, meaning, limit: None, reason, remedy: remedy.into() }
    }
}

impl From<&Rule> for Explained {
    fn from(rule: &Rule) -> Self {
        let &Rule { id, name, requires, why, limit, mend, .. } = rule;
        let remedy = format!(
            "`spacetime-miner plugin test FILE --rule {id}` shows what was seen, with which input \
             and in which call, and a command that shows it again. {mend}"
        );
        Self { code: id, title: name, meaning: requires, limit, reason: why, remedy: remedy.into() }
    }
}

impl Explained {
    /// Of a refusal, or of a rule, as people write it.
    fn of(code: &str) -> Option<Self> {
        let of_rule = || rule(&code.trim().to_ascii_uppercase()).map(Self::from);
        Explanation::of(code).map(Self::from).or_else(of_rule)
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let Some(code) = &args.code else { return list(output) };
    let explained = Explained::of(code).ok_or_else(|| {
        Failure::new(
            Exit::NotFound,
            format_args!("there is no code `{code}`: `spacetime-miner plugin explain` lists all"),
        )
    })?;
    output.result(&explained, text(&explained, output))
}

fn list(output: &Output) -> Result<(), Failure> {
    let refusals = Code::ALL.iter().map(|code| code.explanation().into());
    let all: Vec<Explained> = refusals.chain(rules().map(Explained::from)).collect();
    let lines: Vec<String> =
        all.iter().map(|Explained { code, title, .. }| format!("{code}  {title}")).collect();
    output.result(&all, lines.join("\n"))
}

fn text(explained: &Explained, output: &Output) -> String {
    let Explained { code, title, meaning, limit, reason, remedy } = explained;
    let mut text = output.paint(Style::Bold, format_args!("{code}: {title}"));
    let heads = [
        ("", Some(*meaning)),
        ("Limit", *limit),
        ("Why there is this rule", Some(*reason)),
        ("What to do", Some(remedy)),
    ];
    for (head, paragraph) in heads {
        let Some(paragraph) = paragraph else { continue };
        text.push('\n');
        if !head.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", output.paint(Style::Bold, head));
        }
        wrap(&mut text, paragraph);
    }
    text
}

/// Adds lines of whole words.
fn wrap(text: &mut String, paragraph: &str) {
    let mut width = WIDTH;
    for word in paragraph.split_whitespace() {
        let len = word.chars().count();
        if width + 1 + len > WIDTH {
            text.push('\n');
            width = len;
        } else {
            text.push(' ');
            width += 1 + len;
        }
        text.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_whole_words() {
        let mut text = "Head".to_owned();
        wrap(&mut text, &"four ".repeat(40));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + 3);
        assert!(lines.iter().all(|line| line.len() <= WIDTH && !line.ends_with(' ')));
        assert_eq!(text.split_whitespace().count(), 41);
    }
}
