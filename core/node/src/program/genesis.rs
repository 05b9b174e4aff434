//! `spacetime-node genesis`: a network's parameters and its genesis block.

use std::io::Write;

use clap::Args;
use spacetime_protocol::network::{EmptyEpochs, Network};

use super::Failure;
use super::network::Choice;

#[derive(Args)]
pub(crate) struct Genesis {
    #[command(flatten)]
    network: Choice,
    /// Print one JSON document and nothing else
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Genesis) -> Result<(), Failure> {
    let network = arguments.network.read()?;
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
