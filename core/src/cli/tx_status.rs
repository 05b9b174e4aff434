//! `tx status`: what became of a transaction.

use serde::Serialize;
use spacetime_protocol::{TxHash, network::development_key};

use super::{
    Exit, Failure, Output,
    chain::{self, ChainArgs, Standing, Status},
};

/// Arguments of `tx status`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transaction's hash, as `tx send` prints it: 64 hex digits
    #[arg(value_name = "HASH")]
    hash: TxHash,
    #[command(flatten)]
    chain: ChainArgs,
}

/// What it prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    hash: TxHash,
    #[serde(flatten)]
    standing: Standing,
    transport: &'a str,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.chain.manifest.load()?;
    // A question needs an identity, not the user's.
    let mut chain = args.chain.open(&manifest, &development_key().identity())?;
    let standing = chain::fate(&mut chain, args.hash)?;
    let document = Document { hash: args.hash, standing, transport: chain.transport() };
    output.result(&document, format_args!("status  {standing}"))?;
    match standing.status {
        Status::Unknown => Err(Failure::new(
            Exit::NotFound,
            format_args!("transaction {} is neither pending nor in a block", args.hash),
        )),
        _ => Ok(()),
    }
}
