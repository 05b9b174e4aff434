//! Looks for new, changed and lost plots in the background.

use std::{io, sync::Arc, thread, time::Duration};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tokio::sync::{mpsc, watch};

use super::{inbox::tell, scans::PlotFiles};
use crate::{engine::event::Event, observe::Fault, plots::PlotFile, scan::LeafSource};

/// How often.
const PAUSE: Duration = Duration::from_secs(10);

/// The live plot set.
pub trait PlotSource: Send {
    /// The usable plots.
    fn plots(&self) -> Arc<[Arc<PlotFile>]>;
    /// What was wrong when it was first looked at; told once.
    fn first_faults(&mut self) -> Vec<Fault>;
    /// Looks again; what is wrong now that was not before.
    fn rescan(&mut self) -> Vec<Fault>;
}

/// Follows the plot set on a thread of its own, which a dead drive may hold up.
pub(super) struct Watcher {
    // Dropping it ends the thread.
    _stop: Sender<()>,
    changes: watch::Receiver<PlotFiles>,
}

impl Watcher {
    pub(super) fn start(
        source: Box<dyn PlotSource>,
        events: mpsc::Sender<Event>,
    ) -> io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let (sender, changes) = watch::channel(source.plots());
        thread::Builder::new()
            .name("plots".to_owned())
            .spawn(move || follow(source, &stopped, &sender, &events))?;
        Ok(Self { _stop: stop, changes })
    }

    /// The next plot set that differs from the one before.
    pub(super) async fn changed(&mut self) -> PlotFiles {
        if self.changes.changed().await.is_err() {
            // The thread is gone; the set stays as it is.
            std::future::pending::<()>().await;
        }
        self.changes.borrow_and_update().clone()
    }
}

fn follow(
    mut source: Box<dyn PlotSource>,
    stopped: &Receiver<()>,
    changes: &watch::Sender<PlotFiles>,
    events: &mpsc::Sender<Event>,
) {
    while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        for fault in source.rescan() {
            tell(events, fault);
        }
        let plots = source.plots();
        changes.send_if_modified(|current| {
            let changed = !is_same(current, &plots);
            if changed {
                *current = plots;
            }
            changed
        });
    }
}

fn is_same(one: &[Arc<PlotFile>], other: &[Arc<PlotFile>]) -> bool {
    let key = |plot: &Arc<PlotFile>| (plot.path().to_owned(), plot.header_hash());
    one.len() == other.len() && one.iter().map(key).eq(other.iter().map(key))
}
