//! `spacetime-node --listen …`: runs a chain as a peer until it is asked to
//! stop.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args};
use spacetime_node::Service;
use spacetime_node::net::{
    Address, Backoff, Certificate, Hub, Keep, Listener, Options, Running, Tls, keep,
};
use spacetime_protocol::network::Network;
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Failure;
use super::network::Choice;
use super::tls::{Peer, TlsArguments};

/// The environment variable with a log filter, as the miner's.
const LOG_FILTER: &str = "SPACETIME_LOG";
/// How long a lost peer is waited for, first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// The file with the addresses of peers, in the data directory.
const ADDRESSES: &str = "peers.json";
/// How long work on the disk may take to end.
const STOP: Duration = Duration::from_millis(500);

#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    network: Choice,
    /// Where to accept connections: HOST:PORT, port 0 for any; the address is
    /// printed once they are accepted
    #[arg(long, value_name = "ADDR", required = true)]
    listen: Option<Address>,
    /// The directory of the chain; made if it is missing
    #[arg(long, value_name = "DIR", required = true)]
    data: Option<PathBuf>,
    /// A peer to stay connected with: HOST[:PORT], by name or address, an IPv6
    /// address in brackets; tls://HOST[:PORT] with TLS; may be repeated
    #[arg(long = "peer", value_name = "ADDR")]
    peers: Vec<Peer>,
    #[command(flatten)]
    tls: TlsArguments,
    /// Connections at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    max_connections: usize,
    /// Dial only the peers that are named, not those that others tell of
    #[arg(long)]
    no_discovery: bool,
    /// Limit, disconnect and ban peers on this machine, too
    #[arg(long)]
    limit_loopback: bool,
    /// Log less: errors only. Otherwise set SPACETIME_LOG to a filter such as
    /// `debug`
    #[arg(long, short)]
    quiet: bool,
    /// Log more, as the miner does: -v information, which is logged anyway, -vv
    /// debugging, -vvv everything
    #[arg(long, short, action = ArgAction::Count)]
    verbose: u8,
}

pub(crate) fn run(arguments: &Run) -> Result<(), Failure> {
    let (Some(listen), Some(data)) = (&arguments.listen, &arguments.data) else {
        return Err(Failure::new(2, "--listen and --data are missing"));
    };
    let network = arguments.network.read()?;
    let tls = Secured {
        certificate: arguments.tls.certificate()?,
        verification: arguments.tls.verification(&arguments.peers)?,
    };
    start_log(arguments)?;
    let runtime = Runtime::new()
        .map_err(|error| Failure::new(1, format!("cannot start threads: {error}")))?;
    let result = runtime.block_on(serve(arguments, tls, listen, data, network));
    runtime.shutdown_timeout(STOP);
    result
}

fn start_log(arguments: &Run) -> Result<(), Failure> {
    let level = match (arguments.quiet, arguments.verbose) {
        (true, _) => LevelFilter::ERROR,
        (_, 0 | 1) => LevelFilter::INFO,
        (_, 2) => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let builder = EnvFilter::builder().with_default_directive(level.into());
    let filter = match std::env::var(LOG_FILTER) {
        Ok(text) => builder.parse(&text).map_err(|error| {
            Failure::new(2, format!("{LOG_FILTER} is not a log filter: `{text}`: {error}"))
        })?,
        Err(_) => builder.parse_lossy(""),
    };
    let ansi = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi);
    log.with_writer(std::io::stderr).init();
    Ok(())
}

/// How connections are secured.
struct Secured {
    /// Those that we accept.
    certificate: Option<Certificate>,
    /// Those that we make, where an address asks for it.
    verification: Option<Tls>,
}

/// Runs until a signal comes.
async fn serve(
    arguments: &Run,
    tls: Secured,
    listen: &Address,
    data: &Path,
    network: Network,
) -> Result<(), Failure> {
    let signal = stop_signal()
        .map_err(|error| Failure::new(1, format!("cannot wait for signals: {error}")))?;
    let service =
        Service::open(data, network).map_err(|error| Failure::new(7, error.to_string()))?;
    // Other commands work beside it through this; it does without.
    #[cfg(unix)]
    let _server = spacetime_node::local::Server::start(service.clone(), data)
        .inspect_err(|error| tracing::warn!("other commands cannot reach this chain: {error}"))
        .ok();
    let running = start(arguments, tls, listen, data, service).await?;
    signal.await;
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

/// Listens, says so, and dials.
async fn start(
    arguments: &Run,
    tls: Secured,
    listen: &Address,
    data: &Path,
    service: Service,
) -> Result<Running, Failure> {
    let options = Options {
        forgives_loopback: !arguments.limit_loopback,
        max_connections: arguments.max_connections,
        discovers: !arguments.no_discovery,
        addresses: (!arguments.no_discovery).then(|| data.join(ADDRESSES)),
        ..Options::node()
    };
    let mut listener = Listener::bind(listen)
        .await
        .map_err(|error| Failure::new(7, format!("cannot listen on {listen}: {error}")))?;
    if let Some(certificate) = tls.certificate {
        listener = listener.with_certificate(certificate);
    }
    let address = listener.address();
    let running = Hub::start(service, options);
    listener.serve(running.hub());
    say(address)?;
    for peer in &arguments.peers {
        let backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let (address, tls) = (peer.address.clone(), tls.verification.clone());
        keep(running.hub(), Keep { address, tls: tls.filter(|_| peer.has_tls), backoff });
    }
    Ok(running)
}

fn say(address: SocketAddr) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "listening on {address}").and_then(|()| out.flush()) {
        // Whoever started it does not want to know.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(1, format!("cannot write the address: {error}")))
        }
        _ => Ok(()),
    }
}

/// Is there once the process is asked to stop.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Is there once the process is asked to stop.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a handler, Ctrl-C ends the process by itself.
        let _ = tokio::signal::ctrl_c().await;
    })
}
