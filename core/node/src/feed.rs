//! What a miner is told of a chain as it grows: headers, vouched for where
//! they are not connected with what it was told before, and what is pending
//! on the tip.

use std::collections::VecDeque;
use std::time::Duration;

use spacetime_protocol::BlockHash;
use spacetime_protocol::header::BlockHeader;
use tokio::sync::watch;
use tokio::task;
use tokio::time::{self, Instant};

use crate::store::StoreError;
use crate::{Candidates, Changes, MAX_TRANSACTIONS, Service};

/// Pending transactions are told at most so often, but for a new tip's.
const CANDIDATES_PAUSE: Duration = Duration::from_millis(200);
/// Headers in one piece of news at most.
const MAX_HEADERS: u64 = 2000;
/// Questions that may wait; of more, the oldest is not answered.
const MAX_ASKED: usize = 16;

/// A piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Headers of the best chain, oldest first.
    Headers {
        /// They begin anew: the first one need not be connected with those
        /// that were told before.
        anchor: bool,
        /// The headers; empty when a question brought nothing new.
        headers: Vec<BlockHeader>,
    },
    /// What is pending on the tip, all of it.
    Candidates(Candidates),
}

/// Why there is no news.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The chain cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain is closed, or the runtime ends.
    #[error("the chain is closed")]
    Closed,
}

/// A chain's news, in their order.
pub struct Feed {
    service: Service,
    changes: watch::Receiver<Changes>,
    asked: VecDeque<Question>,
    /// The last header that was told.
    tip: BlockHash,
    /// When pending transactions are told next; `None`: they are known.
    due: Option<Instant>,
    told: Instant,
}

#[derive(Clone, Debug)]
enum Question {
    /// The chain's last headers.
    Anchor,
    /// The headers after the first of these that is known.
    After(Vec<BlockHash>),
}

impl Feed {
    /// Begins with the chain's last headers and what is pending.
    pub fn new(service: Service) -> Self {
        let mut changes = service.subscribe();
        let tip = changes.borrow_and_update().tip;
        let (due, told) = (Some(Instant::now()), Instant::now());
        Self { service, changes, asked: VecDeque::from([Question::Anchor]), tip, due, told }
    }

    /// Asks for the best chain's headers after the first of these that it
    /// has; they come with the next news.
    pub fn ask(&mut self, locator: Vec<BlockHash>) {
        self.asked.push_back(Question::After(locator));
        if self.asked.len() > MAX_ASKED {
            self.asked.pop_front();
        }
    }

    /// Waits for the next piece of news. Nothing is lost when the wait is
    /// given up.
    ///
    /// # Errors
    /// See [`FeedError`]; the same news can be asked for again.
    pub async fn next(&mut self) -> Result<News, FeedError> {
        loop {
            if let Some(question) = self.asked.front().cloned() {
                return self.answer(question).await;
            }
            tokio::select! {
                changed = self.changes.changed() => {
                    changed.map_err(|_| FeedError::Closed)?;
                    self.changed();
                }
                () = until(self.due) => {
                    let news = self.candidates().await?;
                    (self.due, self.told) = (None, Instant::now());
                    return Ok(news);
                }
            }
        }
    }

    fn changed(&mut self) {
        if self.changes.borrow_and_update().tip == self.tip {
            self.due = self.due.or(Some(self.told + CANDIDATES_PAUSE));
        } else {
            self.asked.push_back(Question::After(vec![self.tip]));
            self.due = Some(Instant::now());
        }
    }

    async fn answer(&mut self, question: Question) -> Result<News, FeedError> {
        let service = self.service.clone();
        let found = blocking(move || match question {
            Question::Anchor => service.anchor().map(|headers| (true, headers)),
            Question::After(locator) => match service.headers_after(&locator, MAX_HEADERS)? {
                Some(headers) => Ok((false, headers)),
                None => service.anchor().map(|headers| (true, headers)),
            },
        });
        let (anchor, headers) = found.await?;
        self.asked.pop_front();
        if let Some(last) = headers.last() {
            self.tip = last.hash();
        }
        if !anchor && headers.len() as u64 >= MAX_HEADERS {
            self.asked.push_front(Question::After(vec![self.tip]));
        }
        Ok(News::Headers { anchor, headers })
    }

    async fn candidates(&self) -> Result<News, FeedError> {
        let service = self.service.clone();
        blocking(move || service.candidates(MAX_TRANSACTIONS)).await.map(News::Candidates)
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Work on the disk, off the runtime's own threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, FeedError> {
    Ok(task::spawn_blocking(work).await.map_err(|_| FeedError::Closed)??)
}
