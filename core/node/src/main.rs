//! The program `spacetime-node`: arguments to calls, errors to exit codes.
//! A plain executable, so that the network of every machine can be compared.
//!
//! Exit codes: 0 done; 1 a file cannot be read or is no network; 2 the
//! command line makes no sense.

#![forbid(unsafe_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use spacetime_protocol::network::{EmptyEpochs, Network};

/// The Spacetime development node
#[derive(Parser)]
#[command(name = "spacetime-node", version, arg_required_else_help = true)]
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
        Err(message) => {
            eprintln!("spacetime-node: {message}");
            ExitCode::from(1)
        }
    }
}

fn genesis(arguments: &Genesis) -> Result<(), String> {
    let network = match &arguments.network_file {
        Some(file) => read(file)?,
        None => named(&arguments.network)?,
    };
    let text = if arguments.json { network.to_json() } else { summary(&network) };
    match writeln!(std::io::stdout().lock(), "{text}") {
        // Whoever read the output has seen enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write the network: {error}"))
        }
        _ => Ok(()),
    }
}

fn named(name: &str) -> Result<Network, String> {
    Network::named(name).ok_or_else(|| {
        let names = Network::NAMES.join(", ");
        format!(
            "there is no built-in network `{name}`: choose one of {names}, \
             or name a file with --network-file"
        )
    })
}

fn read(file: &Path) -> Result<Network, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read network file {}: {error}", file.display()))?;
    Network::from_json(&text).map_err(|error| {
        format!(
            "network file {}: {error}; `spacetime-node genesis --json` prints a valid one",
            file.display()
        )
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
