//! The transport: online and silent, or a session that goes wrong.

use std::sync::Arc;

use serde::Deserialize;
use spacetime_sdk::{
    Event, Port, Request, Result, Transport, TransportContext, Verdict, async_trait, tokio,
};

use crate::place::{Failures, Place};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    fail: Failures,
    /// The session takes no notice of the host's wish to end it.
    deaf: bool,
    /// Events sent at once after the session began.
    flood: u64,
}

pub(crate) struct Misconnector {
    fail: Arc<Failures>,
    deaf: bool,
    flood: u64,
}

#[async_trait]
impl Transport for Misconnector {
    type Config = Config;

    fn open(config: Config, _context: &TransportContext) -> Result<Self> {
        config.fail.at(Place::Open)?;
        Ok(Self { fail: Arc::new(config.fail), deaf: config.deaf, flood: config.flood })
    }

    fn check(config: Config, _context: &TransportContext) -> Result<String> {
        config.fail.at(Place::Check)?;
        Ok("misbehaving has nothing to say".to_owned())
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        let (in_task, in_thread) = (self.fail.clone(), self.fail.clone());
        // The panic is what is wanted; the handles' results say no more.
        let _ = tokio::spawn(async move { in_task.at(Place::Task) }).await;
        let _ = std::thread::spawn(move || in_thread.at(Place::Thread)).join();
        self.serve(port).await
    }
}

impl Misconnector {
    async fn serve(&self, port: &mut Port) -> Result<()> {
        port.emit(Event::Online { detail: "misbehaving".to_owned() }).await?;
        for number in 0..self.flood {
            port.emit(Event::Offline { reason: format!("flood {number}") }).await?;
        }
        self.fail.at(Place::Run)?;
        while let Some(request) = port.next_request().await {
            if let Request::SubmitProof { ticket, .. } | Request::SubmitBlock { ticket, .. } =
                request
            {
                let verdict = Verdict::Rejected;
                let reason = "misbehaving rejects everything".to_owned();
                port.emit(Event::Verdict { ticket, verdict, reason }).await?;
            }
        }
        if self.deaf {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl Drop for Misconnector {
    fn drop(&mut self) {
        // An error has nowhere to go from here.
        let _ = self.fail.at(Place::Drop);
    }
}
