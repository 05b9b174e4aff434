//! What is to be sent to one peer, bounded: answers wait until they are
//! written, relays give way to newer ones when the peer reads too slowly.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use spacetime_protocol::relay::{Priority, PriorityQueue, QueueLimits};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// Relays that wait at most, of each priority, and their bytes; one alone may
/// be larger.
const RELAYS: QueueLimits = QueueLimits { entries: 1000, bytes: 4 << 20 };
/// How long a relay that may not go out waits until that is asked again.
const HOLD_BACK: Duration = Duration::from_millis(100);
/// What is written at once, in bytes.
const CHUNK: usize = 64 << 10;

/// What is to be sent to one peer.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queues: Mutex<Queues>,
    filled: Notify,
    emptied: Notify,
}

#[derive(Debug)]
struct Queues {
    kept: VecDeque<Item>,
    /// Bytes of `kept`, what is being written included.
    kept_bytes: usize,
    /// Those of signs of life among them.
    sign_bytes: usize,
    relays: PriorityQueue<Arc<[u8]>>,
    /// Whose turn it is: a peer that asks without end hears news all the same.
    relay_next: bool,
    is_closed: bool,
}

impl Default for Queues {
    fn default() -> Self {
        let relays = PriorityQueue::new(RELAYS);
        Self {
            kept: VecDeque::new(),
            kept_bytes: 0,
            sign_bytes: 0,
            relays,
            relay_next: false,
            is_closed: false,
        }
    }
}

/// A frame, or several.
#[derive(Debug)]
struct Item {
    frame: Arc<[u8]>,
    class: Class,
    /// Told when the frame was written; dropped if it never will be.
    written: Option<oneshot::Sender<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Kept,
    Sign,
    Relay,
}

impl Outbox {
    /// Sends this, whatever else waits. The caller bounds how much.
    pub(super) fn keep(&self, frame: impl Into<Arc<[u8]>>) {
        self.push(frame.into(), Class::Kept, None);
    }

    /// As [`Outbox::keep`], for what a connection says to every sign of life.
    pub(super) fn keep_signs(&self, frames: impl Into<Arc<[u8]>>) {
        self.push(frames.into(), Class::Sign, None);
    }

    /// As [`Outbox::keep`]; the result is there when it was written, an error
    /// when it never will be.
    pub(super) fn keep_and_tell(&self, frame: impl Into<Arc<[u8]>>) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.push(frame.into(), Class::Kept, Some(sender));
        receiver
    }

    fn push(&self, frame: Arc<[u8]>, class: Class, written: Option<oneshot::Sender<()>>) {
        let mut queues = self.queues();
        queues.kept_bytes += frame.len();
        if class == Class::Sign {
            queues.sign_bytes += frame.len();
        }
        queues.kept.push_back(Item { frame, class, written });
        drop(queues);
        self.filled.notify_one();
    }

    /// Sends this unless too much waits: the oldest relays of the lowest
    /// priority go then.
    pub(super) fn relay(&self, priority: Priority, frame: Arc<[u8]>) {
        let size = frame.len();
        self.queues().relays.push(priority, frame, size);
        self.filled.notify_one();
    }

    /// Sends nothing more than what is being written, and ends the stream.
    pub(super) fn close(&self) {
        self.queues().is_closed = true;
        self.filled.notify_one();
    }

    /// Bytes that wait and will not give way.
    pub(super) fn kept_bytes(&self) -> usize {
        self.queues().kept_bytes
    }

    /// Bytes of signs of life that wait.
    pub(super) fn sign_bytes(&self) -> usize {
        self.queues().sign_bytes
    }

    /// Messages that wait and will not give way.
    pub(super) fn kept(&self) -> usize {
        self.queues().kept.len()
    }

    /// Waits until something was written.
    pub(super) async fn progress(&self) {
        self.emptied.notified().await;
    }

    /// Writes what comes until [`Outbox::close`], and then that the stream ends
    /// (with TLS, an end that is not said is an error). `may_relay`: whether a
    /// relay of so many bytes may go out now; it is asked again after a moment.
    ///
    /// # Errors
    /// The stream fails, or takes nothing for so long.
    pub(super) async fn write_to(
        &self,
        mut stream: impl AsyncWrite + Unpin,
        stuck_after: Duration,
        may_relay: impl Fn(Priority, usize) -> bool,
    ) -> io::Result<()> {
        while let Some(item) = self.next(&may_relay).await {
            write(&item.frame, &mut stream, stuck_after).await?;
            if item.class != Class::Relay {
                self.wrote(&item);
            }
            if let Some(written) = item.written {
                // The asker may have given up.
                let _ = written.send(());
            }
        }
        timeout(stuck_after, stream.shutdown()).await.map_err(|_| stuck())?
    }

    fn wrote(&self, item: &Item) {
        let mut queues = self.queues();
        queues.kept_bytes -= item.frame.len();
        if item.class == Class::Sign {
            queues.sign_bytes -= item.frame.len();
        }
        drop(queues);
        self.emptied.notify_one();
    }

    /// What is to be written next; `None` once it is closed.
    async fn next(&self, may_relay: &impl Fn(Priority, usize) -> bool) -> Option<Item> {
        loop {
            let holds_back = {
                let mut queues = self.queues();
                if queues.is_closed {
                    return None;
                }
                if let Some(item) = queues.pop(may_relay) {
                    return Some(item);
                }
                !queues.relays.is_empty()
            };
            // Something else may come first.
            let filled = self.filled.notified();
            let _ = timeout(if holds_back { HOLD_BACK } else { Duration::MAX }, filled).await;
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn pop(&mut self, may_relay: &impl Fn(Priority, usize) -> bool) -> Option<Item> {
        let may = |(of, frame): (Priority, &Arc<[u8]>)| may_relay(of, frame.len());
        let is_due = self.kept.is_empty() || self.relay_next;
        let is_relay = is_due && self.relays.peek().is_some_and(may);
        self.relay_next = !is_relay;
        if !is_relay {
            return self.kept.pop_front();
        }
        let frame = self.relays.pop()?;
        Some(Item { frame, class: Class::Relay, written: None })
    }
}

async fn write(
    frame: &[u8],
    stream: &mut (impl AsyncWrite + Unpin),
    stuck_after: Duration,
) -> io::Result<()> {
    for chunk in frame.chunks(CHUNK) {
        timeout(stuck_after, stream.write_all(chunk)).await.map_err(|_| stuck())??;
    }
    timeout(stuck_after, stream.flush()).await.map_err(|_| stuck())?
}

fn stuck() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the peer reads nothing")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn a_slow_reader_loses_the_oldest_relays_and_no_answer() {
        let outbox = Outbox::default();
        for number in 0..3 * RELAYS.entries {
            outbox.relay(Priority::High, Arc::from(u32::try_from(number).unwrap().to_le_bytes()));
            if number % 1000 == 0 {
                outbox.keep([0xff; 4]);
            }
        }
        let (mut near, far) = tokio::io::duplex(1 << 20);
        let writing = outbox.write_to(far, Duration::from_secs(5), |_, _| true);
        let mut bytes = [0; 4 * (RELAYS.entries + 3)];
        tokio::select! {
            end = writing => panic!("{end:?}"),
            read = near.read_exact(&mut bytes) => { read.unwrap(); }
        }
        let numbers = bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
        let (answers, relays): (Vec<u32>, Vec<u32>) = numbers.partition(|n| *n == u32::MAX);
        assert_eq!(answers.len(), 3);
        let expected: Vec<u32> = (2000..3000).collect();
        assert_eq!(relays, expected, "the newest, in their order");
        assert_eq!(outbox.kept_bytes(), 0);
    }

    #[tokio::test]
    async fn bytes_are_bounded_too_and_a_large_one_passes_alone() {
        let outbox = Outbox::default();
        for _ in 0..20 {
            outbox.relay(Priority::High, vec![0; 1 << 20].into());
        }
        assert_eq!(outbox.queues().relays.len(), 4);
        // A transaction never makes a block give way.
        outbox.relay(Priority::Low, vec![0; 100].into());
        outbox.relay(Priority::High, vec![0; 16 << 20].into());
        let queues = outbox.queues();
        assert_eq!((queues.relays.len(), queues.relays.bytes()), (1, 16 << 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_given_up_and_its_senders_told() {
        let outbox = Outbox::default();
        let told = outbox.keep_and_tell(vec![0; 1 << 20]);
        let (_near, far) = tokio::io::duplex(16);
        let end = outbox.write_to(far, Duration::from_secs(30), |_, _| true).await;
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(outbox);
        assert!(told.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_may_not_go_out_waits_and_lets_the_others_pass() {
        let outbox = Outbox::default();
        outbox.relay(Priority::Low, Arc::from([1; 4]));
        outbox.relay(Priority::High, Arc::from([2; 4]));
        outbox.keep([3; 4]);
        let opens = tokio::time::Instant::now() + Duration::from_secs(1);
        let may = |priority, size| {
            assert_eq!(size, 4);
            priority == Priority::High || tokio::time::Instant::now() >= opens
        };
        let (mut near, far) = tokio::io::duplex(1 << 10);
        let writing = outbox.write_to(far, Duration::from_secs(5), may);
        let reading = async {
            let mut bytes = [0; 8];
            near.read_exact(&mut bytes).await.unwrap();
            assert!([2, 3].contains(&bytes[0]) && bytes[0] + bytes[4] == 5, "{bytes:?}");
            assert!(tokio::time::Instant::now() < opens);
            // What comes meanwhile does not wait, either.
            outbox.keep([4; 4]);
            near.read_exact(&mut bytes[..4]).await.unwrap();
            assert_eq!(bytes[0], 4);
            near.read_exact(&mut bytes[..4]).await.unwrap();
            assert_eq!(bytes[0], 1);
            assert!(tokio::time::Instant::now() >= opens);
        };
        tokio::select! {
            end = writing => panic!("{end:?}"),
            () = reading => {}
        }
    }
}
