//! A small host over the loader of an SDK copy that has one more field, method
//! and variant: loads the plugin files named on its command line, uses them,
//! and prints what it saw, one JSON line each.

mod sample;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool, mpsc},
    time::Duration,
};

use spacetime_sdk_loader::{
    Fault, Library, LogLine, OpenRequest, Services, Strategy, Transport, TransportRequest,
    abi::{Emitted, Event, Question, Request, Span},
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

fn main() {
    let mut arguments = std::env::args().skip(1);
    let network = arguments.next().expect("the network's JSON");
    let data = arguments.next().expect("a folder");
    for plugin in arguments {
        println!("{}", describe(Path::new(&plugin), &network, Path::new(&data)));
    }
}

fn describe(path: &Path, network: &str, data: &Path) -> String {
    let library = match Library::load(path, Arc::new(Silent)) {
        Ok(library) => library,
        Err(refusal) => return format!("{{\"refused\": \"{}\"}}", refusal.code()),
    };
    let names: Vec<_> = library.descriptor().components.iter().map(|c| c.name.clone()).collect();
    let mut strategy = Strategy::open(&library, &request(&names[0])).expect("a strategy first");
    format!(
        "{{\"inspects\": {}, \"pause\": {}, \"spans\": {:?}, \"rest\": {:?}}}",
        library.inspects(),
        strategy.pause(10).expect("pausing works"),
        spans(&mut strategy),
        names.get(1).map_or_else(String::new, |_| rest(
            &library,
            names.last().unwrap(),
            network,
            data
        ))
    )
}

fn request(component: &str) -> OpenRequest<'_> {
    OpenRequest {
        component,
        instance: component,
        config: "()",
        config_line: 1,
        config_column: 1,
        ron_extensions: 0,
    }
}

fn spans(strategy: &mut Strategy) -> Vec<[u64; 2]> {
    let cancel = AtomicBool::new(false);
    strategy.begin(&sample::job(&cancel), &sample::plot(100)).expect("it begins");
    let mut buffer = [Span::default(); 256];
    let (written, done) = strategy.plan(&mut buffer, &cancel, 100).expect("it plans");
    assert!(done);
    buffer[..written].iter().map(|span| [span.start, span.len]).collect()
}

/// Asks a transport what only this SDK copy can ask, and sends it a request
/// of the kind that only it has; whether it understood.
fn rest(library: &Library, name: &str, network: &str, data: &Path) -> String {
    let (sender, online) = mpsc::channel();
    let transport = TransportRequest {
        network,
        identity: &[0xED; 33],
        data_directory: data,
        agent: "compat/1.0",
        node_address: None,
        node_port: None,
node_is_chosen: false,
    };
    let sink = move |event| {
        if let Some(Event::Online { .. }) = event {
            sender.send(()).expect("the host waits");
        }
        Emitted::ACCEPTED
    };
    let mut session = Transport::open(library, &request(name), &transport, Arc::new(sink))
        .expect("the transport opens");
    online.recv_timeout(Duration::from_secs(10)).expect("the transport gets online");
    let answer = match session.request(Request::Rest { seconds: 1 }) {
        Ok(()) => "understood".to_owned(),
        Err(fault) => format!("fault {}", fault.code.0),
    };
    session.close(10_000).expect("the session ends");
    match Transport::ask(library, &request(name), &transport, Question::Weather { day: 1 }) {
        Ok(_) => format!("{answer}, asked"),
        Err(fault) => format!("{answer}, fault {}", fault.code.0),
    }
}
