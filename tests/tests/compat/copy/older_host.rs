//! A small host over the loader of an SDK copy of interface 1.0: loads the
//! plugin file named on its command line, and prints the spans that its first
//! component, a strategy, plans of a plot.

mod sample;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use spacetime_sdk_loader::{
    Fault, Library, LogLine, OpenRequest, Services, Strategy,
    abi::{BatchStats, Job, Span},
};

struct Silent;

impl Services for Silent {
    fn max_level(&self) -> u32 {
        0
    }
    fn log(&self, _: LogLine<'_>) {}
    fn fault(&self, _: &str, _: Fault) {}
    fn count(&self, _: &str, _: &str, _: u64) {}
}

const LEAVES: u64 = 100_000;

fn main() {
    let file = std::env::args().nth(1).expect("a plugin file");
    let library = Library::load(Path::new(&file), Arc::new(Silent));
    let library = library.unwrap_or_else(|refusal| panic!("{refusal}\n{}", refusal.detail()));
    let request = OpenRequest {
        component: &library.descriptor().components[0].name.clone(),
        instance: "it",
        config: "()",
        config_line: 1,
        config_column: 1,
        ron_extensions: 0,
    };
    let mut strategy = Strategy::open(&library, &request).expect("it opens");
    println!("{:?}", spans(&mut strategy));
}

fn spans(strategy: &mut Strategy) -> Vec<[u64; 2]> {
    let cancel = AtomicBool::new(false);
    let job = Job { leaves: LEAVES, ..sample::job(&cancel) };
    strategy.begin(&job, &sample::plot(LEAVES)).expect("it begins");
    let (mut all, mut buffer) = (Vec::new(), [Span::default(); 256]);
    loop {
        let (written, done) = strategy.plan(&mut buffer, &cancel, LEAVES).expect("it plans");
        all.extend(buffer[..written].iter().map(|span| [span.start, span.len]));
        if done {
            return all;
        }
        strategy.feedback(&STATS).expect("it listens");
    }
}

const STATS: BatchStats =
    BatchStats { leaves: 1, bytes_read: 32, elapsed_ns: 5, best: [0xFF; 32], reserved: [0; 8] };
