//! The only loop: gathers one event at a time, gives it to the state, and runs
//! the commands that come back. Nothing here waits: scans, proofs, blocks,
//! plots, transports and sinks have threads of their own.

mod chronicle;
mod inbox;
mod plots;
mod policy;
mod scans;
mod shadows;
mod transports;
mod work;

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use spacetime_protocol::{BlockHash, keys::SecretKey};
use spacetime_sdk_loader::abi;
use tokio::{runtime, task, time};

use self::{
    chronicle::Chronicle,
    plots::Watcher,
    policy::PolicyDesk,
    scans::{Scans, summary},
    shadows::Shadows,
    transports::{Retry, Transports},
    work::Work,
};
pub use self::{inbox::Inbox, plots::PlotSource};
use super::{
    command::{Command, Outcome},
    event::{Event, Now, PlotSummary},
    state::{Config, State},
};
use crate::{
    observe::{self, Counters, Detail, PluginLog, PluginsUsed, Started, Status, Stream},
    plugin::{self, PolicySlot, ShadowSlot, TransportSetup, TransportSlot},
    record::{Recorder, Run},
    scan::{Coverage, Scanner},
    signals::{Signals, Verbosity},
};

/// What closing all transports may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(1000);

/// What telling the last events may take.
const TELL_LIMIT: Duration = Duration::from_millis(250);

/// How often the clock is looked at, for it may be set.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// How often a terminal shows what is going on.
const STATUS_STEP: Duration = Duration::from_millis(250);

/// How often it is told what plugins did.
const REPORT_STEP: Duration = Duration::from_secs(600);

/// Everything that mining takes.
pub struct Setup {
    /// What the state must know.
    pub config: Config,
    /// Signs blocks.
    pub key: SecretKey,
    /// Scans.
    pub scanner: Scanner,
    /// What the record says of this run.
    pub run: Run,
    /// Where challenges are recorded, in how many bytes at the most; none:
    /// nowhere.
    pub record: Option<(PathBuf, u64)>,
    /// Tried on live challenges.
    pub shadows: Vec<ShadowSlot>,
    /// Finds plots.
    pub plots: Box<dyn PlotSource>,
    /// Chooses transactions.
    pub policy: Arc<PolicySlot>,
    /// Plugins that the manifest lists and that are not loaded.
    pub plugins_not_loaded: u64,
    /// Connect.
    pub transports: Vec<TransportSlot>,
    /// What they are opened with.
    pub transport_setup: TransportSetup,
    /// First pause between attempts to open one.
    pub retry_interval: Duration,
    /// Attempts at boot.
    pub boot_attempts: u32,
    /// Where faults have been told so far.
    pub inbox: Inbox,
    /// The first event.
    pub started: Started,
    /// Where events go.
    pub stream: Stream,
    /// Logs more, or less.
    pub set_verbosity: Box<dyn Fn(bool) + Send>,
}

/// Mines until it is told to stop, by a signal, its config or its stream.
///
/// # Errors
///
/// The system has no threads, or no signals.
pub fn run(setup: Setup) -> io::Result<Outcome> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("engine")
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async { Ok(Driver::start(setup)?.run().await) });
    // What hangs is left behind.
    runtime.shutdown_background();
    outcome
}

struct Driver {
    state: State,
    inbox: Inbox,
    scans: Scans,
    plots: Watcher,
    work: Work,
    transports: Transports,
    signals: Signals,
    verbosity: Verbosity,
    set_verbosity: Box<dyn Fn(bool) + Send>,
    stream: Stream,
    plugins_not_loaded: u64,
    /// The last event, told when everything has ended.
    stopped: Option<observe::Event>,
    report: time::Interval,
    wake_ms: Option<u64>,
    /// What is left since a plot was set aside; not told yet.
    left: Option<PlotSummary>,
    /// The epoch and height of the scan, for the status.
    scanning: (u64, u64),
}

impl Driver {
    fn start(mut setup: Setup) -> io::Result<Self> {
        for fault in setup.plots.first_faults() {
            inbox::tell(&setup.inbox.sender, fault);
        }
        let Setup { config, key, inbox, stream, .. } = setup;
        let plots = setup.plots.plots();
        let (network, events) = (config.network.clone(), inbox.sender.clone());
        let detail = Detail::Started(setup.started);
        stream.emit(observe::Event { unix_ms: now().unix_ms, epoch: None, height: None, detail });
        forward_logs(&stream);
        let signals = Signals::listen()?;
        let shadows = Shadows::start(setup.shadows, setup.scanner.per_drive(), &events)?;
        let recorder = setup.record.map(|(file, limit)| {
            let events = events.clone();
            Recorder::start(file, limit, setup.run.clone(), move |fault| {
                inbox::tell(&events, fault)
            })
        });
        let chronicle = Chronicle::new(setup.run, recorder.transpose()?, shadows);
        let desk = PolicyDesk::start(setup.policy)?;
        let retry = Retry { interval: setup.retry_interval, boot_attempts: setup.boot_attempts };
        Ok(Self {
            state: State::new(config, summary(&plots), now()),
            scans: Scans::new(setup.scanner, plots, chronicle, events.clone()),
            plots: Watcher::start(setup.plots, events.clone())?,
            work: Work::new(network, Arc::new(key), desk, events.clone()),
            transports: Transports::start(setup.transports, setup.transport_setup, retry, events)?,
            inbox,
            signals,
            verbosity: Verbosity::listen()?,
            set_verbosity: setup.set_verbosity,
            stream,
            plugins_not_loaded: setup.plugins_not_loaded,
            stopped: None,
            report: time::interval_at(time::Instant::now() + REPORT_STEP, REPORT_STEP),
            wake_ms: None,
            left: None,
            scanning: (0, 0),
        })
    }

    async fn run(mut self) -> Outcome {
        let mut at = now();
        // The state's own deadlines, before anything has happened.
        let mut event = Event::Timer;
        let outcome = 'mining: loop {
            for command in self.state.handle(at, event) {
                if let Some(outcome) = self.execute(command) {
                    break 'mining outcome;
                }
            }
            self.scans.settle(self.work.is_proving());
            event = self.next().await;
            at = now();
        };
        self.finish().await;
        outcome
    }

    /// The next event. What is urgent comes first; faults and transports, of
    /// which plugins can make many, take turns.
    async fn next(&mut self) -> Event {
        if let Some(left) = self.left.take() {
            return Event::SetAside(left);
        }
        let closed = self.stream.closed();
        let mut status = time::interval(STATUS_STEP);
        tokio::pin!(closed);
        loop {
            let wake = sleep_until(self.wake_ms);
            tokio::select! {
                biased;
                () = self.signals.next() => return Event::Stop,
                () = &mut closed => return Event::Stop,
                event = self.scans.ended() => return event,
                () = wake => {
                    if self.wake_ms.is_some_and(|wake| wake <= now().unix_ms) {
                        self.wake_ms = None;
                        return Event::Timer;
                    }
                }
                event = next_of(&mut self.inbox, &mut self.transports) => return event,
                plots = self.plots.changed() => {
                    return Event::Plots(self.scans.set_plots(&plots));
                }
                more = self.verbosity.next() => (self.set_verbosity)(more),
                _ = self.report.tick() => self.report_plugins(),
                _ = status.tick(), if self.stream.wants_status() => self.show(),
            }
        }
    }

    fn show(&self) {
        self.stream.status(|| {
            let job = self.scans.current();
            let covered = job.map(|job| job.coverage());
            let covered = covered.unwrap_or_else(Coverage::of_nothing);
            let (epoch, height) = self.scanning;
            Status {
                epoch,
                height,
                scanning: job.is_some_and(|job| !job.is_over()),
                scanned: covered.scanned,
                again: covered.again,
                leaves: covered.leaves,
                elapsed_ms: u64::try_from(covered.elapsed.as_millis()).unwrap_or(u64::MAX),
                counters: with_untold(self.state.counters()),
            }
        });
    }

    /// Runs a command; an outcome ends the loop.
    fn execute(&mut self, command: Command) -> Option<Outcome> {
        match command {
            Command::StartScan { spec, without } => {
                self.scanning = (spec.epoch, spec.height);
                self.scans.start(*spec, &without);
            }
            Command::CancelScan { job, why } => self.scans.cancel(job, why),
            Command::Prove { claim, job, found } => {
                let plot = self.scans.plot(job, found.plot).cloned();
                self.work.prove(claim, plot, found);
            }
            Command::SetAside { job, plot } => self.left = Some(self.scans.set_aside(job, plot)),
            Command::CancelProof { claim } => self.work.cancel_proof(claim),
            Command::Build { claim, plan } => self.work.build(claim, *plan),
            Command::SubmitProof { source, ticket, claim } => {
                let claim = abi::abi_stable::std_types::RBox::new((*claim).clone());
                let request = abi::Request::SubmitProof { ticket, claim };
                self.transports.request(source, Some(ticket), request);
            }
            Command::SubmitBlock { source, ticket, block } => {
                let request = abi::Request::SubmitBlock { ticket, block: block.to_vec().into() };
                self.transports.request(source, Some(ticket), request);
            }
            Command::FetchHeaders { source, locator } => {
                let locator: Vec<u8> =
                    locator.iter().flat_map(BlockHash::as_bytes).copied().collect();
                let request = abi::Request::FetchHeaders { locator: locator.into() };
                self.transports.request(source, None, request);
            }
            Command::WakeAt { unix_ms } => self.wake_ms = Some(unix_ms),
            Command::Emit(event) => self.emit(*event),
            Command::Exit(outcome) => return Some(outcome),
        }
        None
    }

    fn emit(&mut self, event: observe::Event) {
        match event.detail {
            Detail::Stopped(_) => self.stopped = Some(event),
            _ => self.stream.emit(event),
        }
    }

    /// Tells what plugins did so far.
    fn report_plugins(&self) {
        let detail = Detail::Plugins(PluginsUsed { plugins: plugin::used() });
        let unix_ms = now().unix_ms;
        self.stream.emit(observe::Event { unix_ms, epoch: None, height: None, detail });
    }

    /// Ends everything; after a second signal, only what is to be told is waited
    /// for, and a third one ends that.
    async fn finish(self) {
        let Self { mut signals, mut inbox, transports, stream, scans, stopped, .. } = self;
        // It may wait for a disk.
        let scans = task::spawn_blocking(move || scans.finish(now().unix_ms));
        let unended = tokio::select! {
            biased;
            () = signals.next() => None,
            unended = transports.close(CLOSE_LIMIT) => Some(unended),
        };
        let in_haste = unended.is_none();
        let late = unended.unwrap_or_default().into_iter().map(|(slot, fault)| {
            slot.count(&fault);
            let next = format!("the miner ends without it; {}", slot.test());
            observe::Fault::new(slot.component(), fault, next)
        });
        // What went wrong since the loop has ended.
        let unheard = std::iter::from_fn(|| inbox.receiver.try_recv().ok());
        let unheard = unheard.filter_map(|event| match event {
            Event::Fault(fault) | Event::OfTransport(fault) => Some(fault),
            _ => None,
        });
        tell_end(&stream, unheard.chain(late).collect(), stopped, self.plugins_not_loaded);
        let rest = async {
            if stream.lost() > 0 {
                tracing::warn!(lost = stream.lost(), "events were lost: the reader was too slow");
            }
            stream.finish(TELL_LIMIT).await;
            if !in_haste {
                // Its panic would be in the log.
                let _ = scans.await;
            }
        };
        tokio::select! {
            biased;
            () = signals.next() => {}
            () = rest => {}
        }
    }
}

/// Tells what went wrong at the very end, and the end.
fn tell_end(
    stream: &Stream,
    faults: Vec<observe::Fault>,
    stopped: Option<observe::Event>,
    plugins_not_loaded: u64,
) {
    let more = faults.len() as u64;
    for fault in faults {
        let detail = Detail::Fault(fault);
        stream.emit(observe::Event { unix_ms: now().unix_ms, epoch: None, height: None, detail });
    }
    let Some(mut event) = stopped else { return };
    event.unix_ms = now().unix_ms;
    if let Detail::Stopped(stopped) = &mut event.detail {
        stopped.counters = with_untold(stopped.counters);
        stopped.counters.faults += more;
        stopped.untold.extend(plugin::untold());
        stopped.plugins = plugin::used();
        stopped.plugins_not_loaded = plugins_not_loaded;
    }
    stream.emit(event);
}

/// What plugins say becomes events, if anybody wants them.
fn forward_logs(stream: &Stream) {
    if stream.wants_logs() {
        let inlet = stream.inlet();
        plugin::forward_logs(move |line: PluginLog| {
            let detail = Detail::Log(line);
            inlet.emit(observe::Event {
                unix_ms: now().unix_ms,
                epoch: None,
                height: None,
                detail,
            });
        });
    }
}

/// The state knows only the faults that it was told of.
fn with_untold(counters: Counters) -> Counters {
    Counters { faults: counters.faults + plugin::untold_faults(), ..counters }
}

async fn next_of(inbox: &mut Inbox, transports: &mut Transports) -> Event {
    tokio::select! {
        Some(event) = inbox.receiver.recv() => event,
        event = transports.next() => event,
    }
}

/// The clock, Unix milliseconds.
fn now() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Now { unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
}

async fn sleep_until(wake_ms: Option<u64>) {
    match wake_ms {
        Some(wake) => {
            let rest = Duration::from_millis(wake.saturating_sub(now().unix_ms));
            time::sleep(rest.min(CLOCK_STEP)).await;
        }
        None => std::future::pending().await,
    }
}
