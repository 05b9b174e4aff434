//! Uses every component of a plugin once.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool, mpsc},
    time::Duration,
};

use spacetime_sdk_loader::{
    Engine, Fault, Kind, Library, LogLine, OpenRequest, Policy, Services, Strategy, Transport,
    TransportRequest,
    abi::{Builder, Candidate, Emitted, Event, Job, Plot, PolicyContext, Request, Span, StopRule},
};

const DEADLINE: Duration = Duration::from_secs(10);

struct Silent;

impl Services for Silent {
    fn max_level(&self) -> u32 {
        5
    }
    fn log(&self, _: LogLine<'_>) {}
    fn fault(&self, _: &str, _: Fault) {}
    fn count(&self, _: &str, _: &str, _: u64) {}
}

/// What became of each component, or of the whole plugin.
pub(crate) fn of(path: &Path, config: &str, folder: &Path, network: &str) -> Vec<String> {
    let library = match Library::load(path, Arc::new(Silent)) {
        Ok(library) => library,
        Err(refusal) => return vec![format!("refused: {refusal}")],
    };
    let components = library.descriptor().components.clone();
    let line = |(kind, name): (Kind, String)| {
        let request = OpenRequest {
            component: &name,
            instance: &name,
            config,
            config_line: 1,
            config_column: 1,
            ron_extensions: 0,
        };
        let found = match kind {
            Kind::Strategy => strategy(&library, &request),
            Kind::Engine => engine(&library, &request),
            Kind::Policy => policy(&library, &request),
            Kind::Transport => transport(&library, &request, folder, network),
            Kind::Unknown => Ok("unknown".to_owned()),
        };
        format!("{kind} {name}: {}", found.unwrap_or_else(|fault| fault.to_string()))
    };
    components.into_iter().map(|found| (found.kind, found.name)).map(line).collect()
}

fn strategy(library: &Library, request: &OpenRequest<'_>) -> Result<String, Fault> {
    let cancel = AtomicBool::new(false);
    let mut strategy = Strategy::open(library, request)?;
    strategy.begin(&job(&cancel), &PLOT)?;
    let mut spans = Vec::new();
    loop {
        let mut buffer = [Span::default(); 4];
        let (written, done) = strategy.plan(&mut buffer, &cancel, PLOT.leaf_count)?;
        spans.extend(buffer[..written].iter().map(|span| (span.start, span.len)));
        if done {
            return Ok(format!("{spans:?}"));
        }
    }
}

fn engine(library: &Library, request: &OpenRequest<'_>) -> Result<String, Fault> {
    let engine = Engine::open(library, request)?;
    let leaves = [[9; 32], [4; 32], [4; 32], [7; 32]].concat();
    let best = engine.scan(&[7; 32], &leaves, &[0xFF; 32], &AtomicBool::new(false))?;
    Ok(best.map_or("none".to_owned(), |best| format!("leaf {}, {}", best.index, best.score[0])))
}

fn policy(library: &Library, request: &OpenRequest<'_>) -> Result<String, Fault> {
    let candidate = |fee| Candidate {
        hash: [fee as u8; 32],
        sender: [2; 33],
        recipient: [3; 33],
        amount: 10,
        fee,
        nonce: 1,
        size: 200,
        sender_balance: 1000,
        sender_nonce: 1,
        reserved: [0; 2],
    };
    let context = PolicyContext {
        parent: [1; 32],
        height: 2,
        epoch: 3,
        difficulty: 4,
        score: [0; 32],
        miner: [2; 33],
        max_transactions: 100,
        reserved: [0; 8],
    };
    let chosen = Policy::open(library, request)?.select(&context, &[1, 5, 2, 9].map(candidate))?;
    Ok(format!("{chosen:?}"))
}

fn transport(
    library: &Library,
    request: &OpenRequest<'_>,
    folder: &Path,
    network: &str,
) -> Result<String, Fault> {
    let setup = TransportRequest {
        network,
        identity: &[0xED; 33],
        data_directory: folder,
        agent: "stored/1.0",
        node_address: None,
        node_port: None,
        node_is_chosen: false,
    };
    let (sender, events) = mpsc::channel();
    let sink = move |event: Option<Event>| match sender.send(event) {
        Ok(()) => Emitted::ACCEPTED,
        Err(_) => Emitted::CLOSED,
    };
    let mut session = Transport::open(library, request, &setup, Arc::new(sink))?;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match events.recv_timeout(DEADLINE) {
            Ok(Some(Event::Online { detail })) => {
                seen.push(format!("online, {detail}"));
                session.request(Request::SubmitBlock { ticket: 8, block: vec![1, 2].into() })?;
            }
            Ok(Some(Event::Verdict { ticket, verdict, reason })) => {
                seen.push(format!("verdict {} on {ticket}, {reason}", verdict.0));
            }
            Ok(_) => {}
            Err(error) => seen.push(error.to_string()),
        }
    }
    session.close(10_000)?;
    Ok(seen.join("; "))
}

const PLOT: Plot = Plot {
    id: [9; 32],
    leaf_count: 20,
    index: 0,
    drive: 0,
    read_rate: 0,
    scan_rate: 0,
    reserved: [0; 8],
};

fn job(cancel: &AtomicBool) -> Job<'_> {
    Job {
        id: 1,
        challenge: [7; 32],
        block_target: [0x0F; 32],
        share_target: [0; 32],
        epoch: 3,
        height: 2,
        stop: StopRule::BEST_OF_ALL,
        builder: Builder::HOST,
        stop_leaves: 0,
        deadline_ms: 0,
        started_ms: 1_700_000_000_000,
        plots: 1,
        leaves: 20,
        seed: 42,
        cancel,
        reserved: [0; 16],
    }
}
