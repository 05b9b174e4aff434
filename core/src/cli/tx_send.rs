//! `tx send`: pays somebody.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use spacetime_protocol::{
    Identity, TxHash,
    ask::{Answer, Fate, Question},
    keys::SecretKey,
    transaction::Transaction,
};

use super::{
    Exit, Failure, Output,
    balance::account,
    chain::{self, ChainArgs, Standing, Status},
    seconds,
};
use crate::{keys, payment::Payment, plugin::ChainAccess};

/// How often a transaction is made anew because another one took its nonce
/// between the question and the answer.
const ATTEMPTS: usize = 20;

/// Pause between two looks at a transaction that is waited for.
const PAUSE: Duration = Duration::from_millis(250);

/// Arguments of `tx send`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who is paid, as `key show` prints it: 66 hex digits
    #[arg(long, value_name = "IDENTITY")]
    to: Identity,
    /// How much is paid
    #[arg(long, value_name = "N")]
    amount: u64,
    /// What the miner of its block gets: 1 to 1000000; more is mined sooner
    #[arg(long, value_name = "N")]
    fee: u64,
    /// The key file of who pays [default: the manifest's]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The transaction's nonce; that of a pending one replaces it, with a higher fee [default: the
    /// sender's next]
    #[arg(long, value_name = "N")]
    nonce: Option<u64>,
    /// Wait until a block has it, for so long at most; running out is exit code 9
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    wait: Option<Duration>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// What it prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    hash: TxHash,
    sender: Identity,
    recipient: Identity,
    amount: u64,
    fee: u64,
    nonce: u64,
    #[serde(flatten)]
    standing: Standing,
    transport: &'a str,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let manifest = args.chain.manifest.load()?;
    let key = keys::load(args.key.as_ref().unwrap_or(&manifest.private_key_path))?;
    let Args { to: recipient, amount, fee, nonce, .. } = *args;
    let payment = Payment { recipient, amount, fee, nonce };
    payment.check(&key.identity())?;
    let mut chain = args.chain.open(&manifest, &key.identity())?;
    let sent = send(&payment, &key, &mut chain)?;
    let hash = sent.hash();
    output.line(format_args!("hash    {hash}"))?;
    let (standing, late) = match args.wait {
        None => (Standing::of(Fate::Pending), None),
        Some(wait) => wait_for(hash, wait, &mut chain),
    };
    let document = Document {
        hash,
        sender: sent.sender,
        recipient,
        amount,
        fee,
        nonce: sent.nonce,
        standing,
        transport: chain.transport(),
    };
    let text = format!("nonce   {}\nstatus  {standing}", sent.nonce);
    output.result(&document, text)?;
    late.map_or(Ok(()), Err)
}

/// Makes the transaction and hands it over. One whose nonce another took in
/// the meantime is made anew, if the nonce was not given.
fn send(
    payment: &Payment,
    key: &SecretKey,
    chain: &mut ChainAccess,
) -> Result<Transaction, Failure> {
    let mut refusal = String::new();
    let mut nonce = None;
    for _ in 0..ATTEMPTS {
        let state = account(chain, key.identity())?;
        if nonce == Some(state.next_nonce) {
            break;
        }
        nonce = Some(state.next_nonce);
        let transaction = payment.sign(key, &state)?;
        match submit(&transaction, payment.nonce.is_some(), chain)? {
            Ok(()) => return Ok(transaction),
            Err(reason) => refusal = reason,
        }
        if payment.nonce.is_some() {
            break;
        }
    }
    Err(Failure::new(Exit::Refused, format_args!("the chain refuses the transaction: {refusal}")))
}

/// Hands a transaction over; the inner error is why it is refused.
fn submit(
    transaction: &Transaction,
    replace: bool,
    chain: &mut ChainAccess,
) -> Result<Result<(), String>, Failure> {
    let hash = transaction.hash();
    let question = Question::SubmitTransaction { transaction: transaction.clone(), replace };
    match chain.ask(&question) {
        Ok(Answer::Submitted(taken)) if taken == hash => Ok(Ok(())),
        Ok(Answer::Refused(reason)) => Ok(Err(reason)),
        Ok(other) => Err(chain::unexpected(chain, &question, &other)),
        Err(error) => {
            let failure = Failure::from(error);
            let message = format!(
                "transaction {hash} was not taken, as far as is known: {failure} \
                 (`spacetime-miner tx status {hash}` tells)"
            );
            Err(Failure::new(failure.exit(), message))
        }
    }
}

/// Looks at a transaction until a block has it; what was seen last, and the
/// failure if the time ran out. A chain that does not answer meanwhile, as its
/// miner is started again, say, is asked again.
fn wait_for(hash: TxHash, wait: Duration, chain: &mut ChainAccess) -> (Standing, Option<Failure>) {
    let begun = Instant::now();
    let mut last = Standing::of(Fate::Pending);
    loop {
        let why = match chain::fate(chain, hash) {
            Ok(standing) if standing.status == Status::InBlock => return (standing, None),
            Ok(standing) => {
                last = standing;
                match standing.status {
                    Status::Unknown => "it is not pending any more either".to_owned(),
                    _ => "it is pending still".to_owned(),
                }
            }
            Err(failure) => failure.to_string(),
        };
        let left = wait.saturating_sub(begun.elapsed());
        if left.is_zero() {
            let seconds = wait.as_secs_f64();
            let message = format!("no block had transaction {hash} within {seconds} s: {why}");
            return (last, Some(Failure::new(Exit::TimeUp, message)));
        }
        // The pause between two questions; a chain tells nobody by itself.
        thread::sleep(PAUSE.min(left));
    }
}
