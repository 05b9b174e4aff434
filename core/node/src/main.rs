//! The program `spacetime-node`: arguments to calls, errors to exit codes.
//! A plain executable, so that the network of every machine can be compared.
//!
//! Its exit codes are those of `spacetime-miner` that it needs.

#![forbid(unsafe_code)]

mod program;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use program::{EXIT_CODES, genesis, run};

/// The Spacetime development node: runs a chain as a peer among others
#[derive(Parser)]
#[command(
    name = "spacetime-node",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = EXIT_CODES
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Run,
}

#[derive(Subcommand)]
enum Command {
    /// Print a network: its parameters and its genesis block
    Genesis(genesis::Genesis),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Some(Command::Genesis(arguments)) => genesis::run(arguments),
        None => run::run(&cli.run),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}
