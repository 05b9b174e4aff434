//! `balance`: what an identity owns.

use serde::Serialize;
use spacetime_protocol::{
    BlockHash, Identity,
    ask::{AccountState, Answer, Question},
};

use super::{Failure, Output, chain, chain::ChainArgs};
use crate::{keys, plugin::ChainAccess};

/// Arguments of `balance`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose, as `key show` prints it: 66 hex digits [default: the manifest's key's]
    #[arg(value_name = "IDENTITY")]
    identity: Option<Identity>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// What it prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    identity: Identity,
    balance: u64,
    /// What its pending transactions leave of it.
    spendable: u64,
    nonce: u64,
    next_nonce: u64,
    height: u64,
    tip: BlockHash,
    transport: &'a str,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.chain.manifest.load()?;
    let identity = match args.identity {
        Some(identity) => identity,
        None => keys::load(&manifest.private_key_path)?.identity(),
    };
    let mut chain = args.chain.open(&manifest, &identity)?;
    let state = account(&mut chain, identity)?;
    let AccountState { balance, nonce, next_nonce, spendable, tip, height, .. } = state;
    let transport = chain.transport();
    let document =
        Document { identity, balance, spendable, nonce, next_nonce, height, tip, transport };
    let pending = match next_nonce.saturating_sub(nonce) {
        0 => String::new(),
        pending => {
            let pending = crate::observe::count(pending, "pending transaction");
            format!(", {spendable} after {pending}")
        }
    };
    let text = format!("balance  {balance}{pending}\nnonce    {next_nonce}\nheight   {height}");
    output.result(&document, text)
}

/// Asks for an account.
pub(super) fn account(
    chain: &mut ChainAccess,
    identity: Identity,
) -> Result<AccountState, Failure> {
    let question = Question::Account(identity);
    match chain.ask(&question)? {
        Answer::Account(state) if state.identity == identity => Ok(state),
        other => Err(chain::unexpected(chain, &question, &other)),
    }
}
