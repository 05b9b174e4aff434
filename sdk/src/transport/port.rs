//! A session's connection with the host.

use std::{fmt, sync::Arc, time::Duration};

use spacetime_sdk_abi::{Emitted, PortObject};
use tokio::sync::{mpsc, watch};

use super::message::{Event, Request};
use crate::error::Result;

/// The host wants no more events: end the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host has closed the session")
    }
}

impl std::error::Error for Closed {}

/// A session's connection with the host: events out, requests in.
pub struct Port {
    events: EventSender,
    requests: mpsc::Receiver<Request>,
}

impl Port {
    pub(super) fn new(
        host: Arc<PortObject>,
        requests: mpsc::Receiver<Request>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self { events: EventSender { host, closing }, requests }
    }

    /// Hands an event to the host, waiting while its queue is full.
    ///
    /// # Errors
    ///
    /// [`Closed`], or an event that cannot be encoded.
    pub async fn emit(&self, event: Event) -> Result<()> {
        self.events.emit(event).await
    }

    /// The host's next request; `None` when the session shall end, and what
    /// came before that has been handed out.
    pub async fn next_request(&mut self) -> Option<Request> {
        tokio::select! {
            biased;
            // A block that we won may be the last request.
            request = self.requests.recv() => request,
            () = closed(&mut self.events.closing) => None,
        }
    }

    /// A sender for tasks of their own.
    pub fn sender(&self) -> EventSender {
        self.events.clone()
    }
}

/// Hands events to the host.
#[derive(Clone)]
pub struct EventSender {
    host: Arc<PortObject>,
    closing: watch::Receiver<bool>,
}

impl EventSender {
    /// Hands an event to the host, waiting while its queue is full.
    ///
    /// # Errors
    ///
    /// [`Closed`], or an event that cannot be encoded.
    pub async fn emit(&self, event: Event) -> Result<()> {
        let mut pause = Duration::from_millis(1);
        let mut closing = self.closing.clone();
        loop {
            match self.host.emit(event.to_abi()?) {
                Emitted::ACCEPTED => return Ok(()),
                Emitted::BUSY => {
                    tokio::select! {
                        () = closed(&mut closing) => return Err(Closed.into()),
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_millis(50));
                }
                _ => return Err(Closed.into()),
            }
        }
    }

    /// Resolves when the session shall end.
    pub async fn closed(&self) {
        closed(&mut self.closing.clone()).await;
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the session itself is gone.
    let _ = closing.wait_for(|closing| *closing).await;
}
