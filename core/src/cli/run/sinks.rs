//! Shows the engine's events: JSON lines for programs, words for people.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    cli::{Failure, Output, Style},
    observe::{Event, Mood, Narrator, Sink, Status},
};

/// Why nothing more could be shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown(Arc<Mutex<Option<Failure>>>);

impl Shown {
    /// The failure, if output has failed.
    pub(super) fn failure(&self) -> Result<(), Failure> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Whether all is well; keeps what is not.
    fn keep(&self, result: Result<(), Failure>) -> bool {
        let Err(failure) = result else { return true };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        false
    }
}

/// The sink that the user asked for.
pub(super) fn sink(output: &Output, shown: Shown) -> Box<dyn Sink> {
    let output = output.clone();
    if output.is_json() {
        Box::new(Json { output, shown })
    } else {
        Box::new(Words { output, shown, narrator: Narrator::default() })
    }
}

struct Json {
    output: Output,
    shown: Shown,
}

impl Sink for Json {
    fn event(&mut self, event: &Event) -> bool {
        self.shown.keep(self.output.event(event))
    }

    fn wants_logs(&self) -> bool {
        true
    }
}

struct Words {
    output: Output,
    shown: Shown,
    narrator: Narrator,
}

impl Sink for Words {
    fn event(&mut self, event: &Event) -> bool {
        self.narrator.tell(event).into_iter().all(|said| {
            let text = match said.mood {
                Mood::Good => self.output.paint(Style::Good, said.text),
                Mood::Plain => said.text,
                Mood::Dim => self.output.paint(Style::Dim, said.text),
                Mood::Bad => self.output.paint(Style::Bad, said.text),
            };
            self.shown.keep(self.output.line(text))
        })
    }

    fn status(&mut self, status: &Status) {
        self.output.progress(self.narrator.status(status));
    }

    fn wants_status(&self) -> bool {
        self.output.shows_progress()
    }
}
