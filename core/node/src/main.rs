//! The program `spacetime-node`: arguments to calls, errors to exit codes.
//! A plain executable, so that the network of every machine can be compared.
//!
//! Its exit codes are those of `spacetime-miner` that it needs.

#![forbid(unsafe_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use spacetime_protocol::network::{EmptyEpochs, Network};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the output cannot be written
  2  the command line cannot be understood, or names an unknown network
  3  the network file is missing or wrong";

/// The Spacetime development node
#[derive(Parser)]
#[command(name = "spacetime-node", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a network: its parameters and its genesis block
    Genesis(Genesis),
}

#[derive(Args)]
struct Genesis {
    /// A built-in network: local, mainnet, testnet, devnet, or the id of one
    #[arg(long, value_name = "NAME", default_value = "local", conflicts_with = "network_file")]
    network: String,
    /// A file with the JSON that this command prints with --json
    #[arg(long, value_name = "FILE")]
    network_file: Option<PathBuf>,
    /// Print one JSON document and nothing else
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let Command::Genesis(arguments) = Cli::parse().command;
    match genesis(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// A number of [`EXIT_CODES`], and why.
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

fn genesis(arguments: &Genesis) -> Result<(), Failure> {
    let network = match &arguments.network_file {
        Some(file) => read(file)?,
        None => named(&arguments.network)?,
    };
    let text = if arguments.json {
        network.to_json().map_err(|error| Failure::new(1, error.to_string()))?
    } else {
        summary(&network)
    };
    match writeln!(std::io::stdout().lock(), "{text}") {
        // Whoever read the output has seen enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(1, format!("cannot write the network: {error}")))
        }
        _ => Ok(()),
    }
}

fn named(name: &str) -> Result<Network, Failure> {
    Network::named(name).ok_or_else(|| {
        let names = Network::NAMES.join(", ");
        let message = format!(
            "there is no built-in network `{name}`: choose one of {names}, \
             or name a file with --network-file"
        );
        Failure::new(2, message)
    })
}

fn read(file: &Path) -> Result<Network, Failure> {
    let path = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(3, format!("cannot read network file {path}: {error}")))?;
    Network::from_json(&text).map_err(|error| {
        let hint = "`spacetime-node genesis --json` prints a valid one";
        Failure::new(3, format!("network file {path}: {error}; {hint}"))
    })
}

fn summary(network: &Network) -> String {
    let header = &network.genesis.header;
    let adjustment = &network.adjustment;
    let epochs = match network.empty_epochs {
        EmptyEpochs::None => "one per block".to_owned(),
        EmptyEpochs::Advance => {
            format!("windows of {} s, lowest score wins", network.epoch_seconds)
        }
    };
    let plots = if network.bind_plots { "bound to the miner's key" } else { "of anybody" };
    [
        format!("network     {}", network.id),
        format!("genesis     {}", network.genesis_hash()),
        format!("time        {} (Unix seconds)", header.timestamp),
        format!("premine     {} transactions", network.genesis.transactions.len()),
        format!("epochs      {epochs}"),
        format!(
            "blocks      one in {} s; difficulty {}, adjusted every {} blocks by 1/{}, {} to {}",
            adjustment.target_block_time,
            header.difficulty,
            adjustment.interval,
            adjustment.dampening,
            adjustment.minimum,
            adjustment.maximum,
        ),
        format!("plots       {plots}, of at least {} leaves", network.min_plot_leaves),
        format!("clocks      at most {} s ahead", network.max_future_seconds),
    ]
    .join("\n")
}
