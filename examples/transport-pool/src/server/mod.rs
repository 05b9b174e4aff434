//! A pool's server: gives everybody the same job, checks the shares, counts
//! them. It has no chain: a real pool's would take its challenges from a node,
//! and hand it the blocks that its best shares make.

mod ledger;
mod share;

use std::{io, sync::Arc, time::Duration};

use spacetime_sdk::{
    protocol::{BlockHash, Challenge, Target, challenge::challenge},
    tokio::{
        self,
        net::{TcpListener, TcpStream},
        select,
        sync::{Semaphore, watch},
        time::{sleep, timeout},
    },
};

pub use ledger::Entry;

use crate::wire::{self, FromMiner, FromServer, Input};
use ledger::Ledger;

/// Miners that are served at once.
const MINERS: usize = 256;

/// What a miner may take to introduce itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a pool works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name, for people.
    pub name: String,
    /// How long a job can be worked on.
    pub seconds: u32,
    /// A score under this is a share.
    pub share_target: Target,
    /// Where the challenges begin: another start, other challenges.
    pub start: BlockHash,
}

/// A job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) challenge: Challenge,
    pub(crate) target: Target,
}

/// Serves miners for as long as the future is polled; what becomes of each
/// share is told by `told`.
///
/// # Errors
///
/// The listener's.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    told: impl Fn(&Entry) + Send + Sync + 'static,
) -> io::Result<()> {
    let job = |id| {
        let Options { share_target: target, start, .. } = options;
        Job { id, challenge: challenge(&start, id), target }
    };
    let (jobs, current) = watch::channel(job(1));
    let ledger = Arc::new(Ledger::new(told));
    let room = Arc::new(Semaphore::new(MINERS));
    let mut next = 2;
    loop {
        let over = sleep(Duration::from_secs(options.seconds.into()));
        tokio::pin!(over);
        loop {
            select! {
                () = &mut over => break,
                connection = listener.accept() => {
                    let (connection, _) = connection?;
                    // Above the limit, the connection is dropped.
                    let Ok(place) = room.clone().try_acquire_owned() else { continue };
                    let miner = Miner { options: options.clone(), jobs: current.clone(), ledger: ledger.clone() };
                    tokio::spawn(async move {
                        // However it ends, only this miner is concerned.
                        let _ = miner.serve(connection).await;
                        drop(place);
                    });
                }
            }
        }
        jobs.send_replace(job(next));
        next += 1;
    }
}

/// What serving one miner takes.
struct Miner {
    options: Options,
    jobs: watch::Receiver<Job>,
    ledger: Arc<Ledger>,
}

impl Miner {
    async fn serve(mut self, mut connection: TcpStream) -> io::Result<()> {
        let (input, mut output) = connection.split();
        let mut input = Input::new(input);
        let welcome = FromServer::Welcome { pool: self.options.name.clone() };
        wire::send(&mut output, &welcome).await?;
        let Some(FromMiner::Hello { worker, .. }) = timeout(PATIENCE, input.next()).await?? else {
            return Ok(());
        };
        // The first job is news, too.
        self.jobs.mark_changed();
        loop {
            select! {
                changed = self.jobs.changed() => {
                    let Ok(()) = changed else { return Ok(()) };
                    let Job { id, challenge, target: share_target } = *self.jobs.borrow_and_update();
                    let seconds = self.options.seconds;
                    let job = FromServer::Job { id, challenge, share_target, seconds };
                    wire::send(&mut output, &job).await?;
                }
                said = input.next() => {
                    let Some(FromMiner::Share { ticket, job, score, proof }) = said? else {
                        return Ok(());
                    };
                    let current = *self.jobs.borrow();
                    let outcome = share::check(&current, job, &score, &proof);
                    let (outcome, reason) = self.ledger.enter(&worker, job, outcome);
                    let verdict = FromServer::Verdict { ticket, outcome, reason };
                    wire::send(&mut output, &verdict).await?;
                }
            }
        }
    }
}
