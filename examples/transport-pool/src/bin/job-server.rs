//! A pool's server to try the transport with: `job-server 127.0.0.1:4000`.

use std::{
    env,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use spacetime_sdk::{
    protocol::{BlockHash, Target},
    tokio::{net::TcpListener, runtime::Runtime},
};
use transport_pool::{
    server::{Entry, Options, serve},
    wire::Outcome,
};

const USAGE: &str =
    "usage: job-server ADDRESS:PORT [SECONDS PER JOB] [LEADING ZERO BITS OF A SHARE]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((address, options)) = options(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(address, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> Option<(&str, Options)> {
    let [address, numbers @ ..] = arguments else { return None };
    let number = |at: usize, default| match numbers.get(at) {
        Some(text) => text.parse::<u32>().ok(),
        None => Some(default),
    };
    let (seconds, bits) = (number(0, 10)?, number(1, 16)?);
    if numbers.len() > 2 || seconds == 0 || bits > 63 {
        return None;
    }
    let mut share_target = [0xFF; 32];
    share_target[..8].copy_from_slice(&(u64::MAX >> bits).to_be_bytes());
    // Other challenges each time it is started.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut start = [0; 32];
    start[..16].copy_from_slice(&since.unwrap_or(Duration::ZERO).as_nanos().to_be_bytes());
    let options = Options {
        name: "example".to_owned(),
        seconds,
        share_target: Target::new(share_target),
        start: BlockHash::new(start),
    };
    Some((address, options))
}

fn run(address: &str, options: Options) -> std::io::Result<()> {
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(address).await?;
        println!("listening on {}", listener.local_addr()?);
        serve(listener, options, print).await
    })
}

fn print(entry: &Entry) {
    let Entry { worker, job, outcome, reason, shares } = entry;
    match outcome {
        Outcome::Accepted => println!("share of {worker} for job {job}: number {shares}"),
        _ => println!("share of {worker} for job {job} refused: {reason}"),
    }
}
