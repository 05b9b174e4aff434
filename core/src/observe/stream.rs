//! The event stream: from the engine, which never waits, to sinks on a thread
//! of their own.

use std::{
    io,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::watch;

use super::{Counters, Event};

/// Events that may wait for slow sinks. A day of one-second windows has four
/// a window, so this is half an hour's worth.
const QUEUE: usize = 8192;

/// Reads the stream.
pub trait Sink: Send {
    /// Takes an event; `false`: it wants no more, and neither does the user.
    fn event(&mut self, event: &Event) -> bool;
    /// Takes a look at what is going on, now and then.
    fn status(&mut self, status: &Status) {
        let _ = status;
    }
    /// Whether it shows [`status`](Self::status).
    fn wants_status(&self) -> bool {
        false
    }
    /// Whether it shows what plugins say; the log has it in any case.
    fn wants_logs(&self) -> bool {
        false
    }
}

/// What is going on right now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// The epoch that is scanned for.
    pub epoch: u64,
    /// Height of the block that a win would make.
    pub height: u64,
    /// Whether a scan runs.
    pub scanning: bool,
    /// Leaves scanned, each counted once.
    pub scanned: u64,
    /// Leaves scanned again, or that may have been.
    pub again: u64,
    /// Leaves owned.
    pub leaves: u64,
    /// Since the scan began, milliseconds.
    pub elapsed_ms: u64,
    /// What was counted so far.
    pub counters: Counters,
}

/// The engine's end.
pub struct Stream {
    queue: Arc<Sender<Message>>,
    lost: Arc<AtomicU64>,
    wants_status: bool,
    wants_logs: bool,
    ended: watch::Receiver<bool>,
}

/// A way into the stream that does not keep it from ending.
#[derive(Clone)]
pub struct Inlet {
    queue: Weak<Sender<Message>>,
    lost: Arc<AtomicU64>,
}

impl Inlet {
    /// As [`Stream::emit`]; nothing once the stream has ended.
    pub fn emit(&self, event: Event) {
        if let Some(queue) = self.queue.upgrade() {
            send(&queue, &self.lost, event);
        }
    }
}

fn send(queue: &Sender<Message>, lost: &AtomicU64, event: Event) {
    // A reader that went away has lost nothing that it wanted.
    let message = Message::Event(Box::new(event));
    if let Err(TrySendError::Full(_)) = queue.try_send(message) {
        lost.fetch_add(1, Ordering::Relaxed);
    }
}

enum Message {
    Event(Box<Event>),
    Status(Status),
}

impl Stream {
    /// Starts the sinks' thread.
    ///
    /// # Errors
    ///
    /// The system has no threads.
    pub fn start(sink: Box<dyn Sink>) -> io::Result<Self> {
        let (queue, messages) = bounded(QUEUE);
        let (end, ended) = watch::channel(false);
        let (wants_status, wants_logs) = (sink.wants_status(), sink.wants_logs());
        thread::Builder::new().name("events".to_owned()).spawn(move || {
            drain(&messages, sink);
            end.send_replace(true);
        })?;
        Ok(Self { queue: Arc::new(queue), lost: Arc::default(), wants_status, wants_logs, ended })
    }

    /// Tells an event; it is lost if the sinks are too far behind.
    pub fn emit(&self, event: Event) {
        send(&self.queue, &self.lost, event);
    }

    /// A way in for others.
    pub fn inlet(&self) -> Inlet {
        Inlet { queue: Arc::downgrade(&self.queue), lost: self.lost.clone() }
    }

    /// Shows what is going on, if anybody looks.
    pub fn status(&self, status: impl FnOnce() -> Status) {
        // The next one will do as well.
        if self.wants_status && self.queue.is_empty() {
            let _ = self.queue.try_send(Message::Status(status()));
        }
    }

    /// Whether sinks want [`status`](Self::status).
    pub fn wants_status(&self) -> bool {
        self.wants_status
    }

    /// Whether sinks want what plugins say.
    pub fn wants_logs(&self) -> bool {
        self.wants_logs
    }

    /// Events that were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Resolves when no sink wants more.
    pub fn closed(&self) -> impl Future<Output = ()> + use<> {
        let mut ended = self.ended.clone();
        async move {
            // An error means that the thread is gone.
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }

    /// Ends the stream: returns when everything has been told, or at the
    /// deadline.
    pub async fn finish(self, deadline: Duration) {
        let ended = self.closed();
        drop(self.queue);
        // A sink that hangs is left behind.
        let _ = tokio::time::timeout(deadline, ended).await;
    }
}

fn drain(messages: &Receiver<Message>, mut sink: Box<dyn Sink>) {
    while let Ok(message) = messages.recv() {
        match message {
            Message::Event(event) => {
                if !sink.event(&event) {
                    return;
                }
            }
            Message::Status(status) => sink.status(&status),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::{Detail, Fault};

    struct Count(Arc<AtomicU64>, u64);

    impl Sink for Count {
        fn event(&mut self, _: &Event) -> bool {
            self.0.fetch_add(1, Ordering::SeqCst) + 1 < self.1
        }
    }

    fn event() -> Event {
        let detail = Detail::Fault(Fault::new("x", "y", ""));
        Event { unix_ms: 0, epoch: None, height: None, detail }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn finishing_waits_for_what_was_said() {
        let count = Arc::new(AtomicU64::new(0));
        let stream = Stream::start(Box::new(Count(count.clone(), u64::MAX))).unwrap();
        (0..1000).for_each(|_| stream.emit(event()));
        block_on(stream.finish(Duration::from_secs(10)));
        assert_eq!(count.load(Ordering::SeqCst), 1000);
    }

    #[test]
    fn a_sink_that_has_enough_closes_the_stream() {
        let stream = Stream::start(Box::new(Count(Arc::default(), 1))).unwrap();
        stream.emit(event());
        block_on(stream.closed());
    }
}
