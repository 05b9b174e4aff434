//! `plugin explain`: what the code of a refusal means, why there is such a rule,
//! and what to do.

use std::fmt::Write;

use serde::Serialize;
use spacetime_sdk_loader::{Code, Explanation};

use super::{Exit, Failure, Output, Style};

/// Columns of the text.
const WIDTH: usize = 80;

/// Arguments of `plugin explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The code, such as PLG-0007 or 7; without it, all are listed
    code: Option<String>,
}

/// A code, as JSON.
#[derive(Debug, Serialize)]
struct Explained {
    code: &'static str,
    title: &'static str,
    meaning: &'static str,
    reason: &'static str,
    remedy: &'static str,
}

impl From<&Explanation> for Explained {
    fn from(explanation: &Explanation) -> Self {
        let &Explanation { code, title, meaning, reason, remedy } = explanation;
        Self { code, title, meaning, reason, remedy }
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let Some(code) = &args.code else { return list(output) };
    let explanation = Explanation::of(code).ok_or_else(|| {
        Failure::new(
            Exit::NotFound,
            format_args!("there is no code `{code}`: `spacetime-miner plugin explain` lists all"),
        )
    })?;
    output.result(&Explained::from(explanation), text(explanation, output))
}

fn list(output: &Output) -> Result<(), Failure> {
    let all: Vec<Explained> = Code::ALL.iter().map(|code| code.explanation().into()).collect();
    let lines: Vec<String> =
        all.iter().map(|Explained { code, title, .. }| format!("{code}  {title}")).collect();
    output.result(&all, lines.join("\n"))
}

fn text(explanation: &Explanation, output: &Output) -> String {
    let Explanation { code, title, meaning, reason, remedy } = explanation;
    let mut text = output.paint(Style::Bold, format_args!("{code}: {title}"));
    let heads = [("", meaning), ("Why there is this rule", reason), ("What to do", remedy)];
    for (head, paragraph) in heads {
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
