//! What waits to be sent to a peer: by priority, bounded (`wire.md`
//! section 11).

use std::collections::VecDeque;

use crate::wire::Kind;

/// What is sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Signs of life.
    Critical,
    /// Blocks and what became of them.
    High,
    /// Everything else.
    Normal,
    /// Transactions.
    Low,
}

impl Priority {
    /// All of them, the highest first.
    const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// Of a type of messages.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Ping | Kind::Pong | Kind::Heartbeat => Self::Critical,
            Kind::Block | Kind::NewBlock | Kind::BlockAccepted => Self::High,
            Kind::Transaction => Self::Low,
            _ => Self::Normal,
        }
    }
}

/// How much waits at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Entries of one priority; beyond, its oldest goes.
    pub entries: usize,
    /// Bytes of all priorities; beyond, the oldest of the lowest priority
    /// goes, but never the entry that just came. The reference has no such
    /// limit.
    pub bytes: usize,
}

impl QueueLimits {
    /// 1000 entries of a priority, 32 MiB: two blocks of the largest size.
    pub const DEFAULT: Self = Self { entries: 1000, bytes: 32 << 20 };
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A queue of four priorities. Nobody waits in here: an owner with nothing to
/// send waits until something is pushed, and then takes. So no message can go
/// to a taker that has given up, which is how the reference loses them
/// (`miner-behaviour.md`, D3).
#[derive(Debug)]
pub struct PriorityQueue<T> {
    limits: QueueLimits,
    /// By priority, each with its size.
    queues: [VecDeque<(T, usize)>; 4],
    bytes: usize,
}

impl<T> PriorityQueue<T> {
    /// An empty queue.
    pub fn new(limits: QueueLimits) -> Self {
        Self { limits, queues: [const { VecDeque::new() }; 4], bytes: 0 }
    }

    /// Adds an entry of `size` bytes; returns what had to go for it, oldest
    /// first, which is the entry itself where nothing may wait at all.
    pub fn push(&mut self, priority: Priority, entry: T, size: usize) -> Vec<T> {
        let mut gone = Vec::new();
        if self.limits.entries == 0 {
            return vec![entry];
        }
        let at = priority as usize;
        if self.queues[at].len() >= self.limits.entries {
            gone.extend(self.take(at));
        }
        while self.bytes.saturating_add(size) > self.limits.bytes
            && let Some(lowest) = (0..4).rev().find(|queue| !self.queues[*queue].is_empty())
        {
            gone.extend(self.take(lowest));
        }
        self.queues[at].push_back((entry, size));
        self.bytes = self.bytes.saturating_add(size);
        gone
    }

    /// The oldest entry of the highest priority.
    pub fn pop(&mut self) -> Option<T> {
        (0..4).find_map(|queue| self.take(queue))
    }

    /// What [`PriorityQueue::pop`] gives, without taking it, and its priority.
    pub fn peek(&self) -> Option<(Priority, &T)> {
        let first = |priority: Priority| {
            let (entry, _) = self.queues[priority as usize].front()?;
            Some((priority, entry))
        };
        Priority::ALL.into_iter().find_map(first)
    }

    /// Entries that wait.
    pub fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn take(&mut self, queue: usize) -> Option<T> {
        let (entry, size) = self.queues[queue].pop_front()?;
        self.bytes = self.bytes.saturating_sub(size);
        Some(entry)
    }
}
