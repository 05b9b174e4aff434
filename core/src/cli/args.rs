//! The command line, assembled from the commands' own argument structs.

use clap::{Parser, Subcommand};

use super::{
    Exit, Failure, Output, balance, check, decode, key, plot_create, plot_forget, plot_info,
    plot_list, plot_verify, plugin_explain, plugin_inspect, plugin_list, prove, run, tx_send,
    tx_status,
};

/// Mine on a Spacetime network with proofs over plots on disk.
#[derive(Debug, Parser)]
#[command(
    name = "spacetime-miner",
    version,
    after_help = Exit::table(),
    arg_required_else_help = true
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// Print one JSON document (a stream: one per line) on stdout, nothing else
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print only results and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Log more to stderr; twice: debug, three times: trace (or set SPACETIME_LOG to a filter)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Mine; on the first run, make the key and the plot that the manifest allows
    Run(run::Args),
    /// Validate manifest, plugins, plots and key; mine nothing
    Check(check::Args),
    /// Find the best proof over plots for one challenge
    Prove(prove::Args),
    /// Show what bytes of the protocol say, or where and why they say nothing
    Decode(decode::Args),
    /// Make plots and look at them
    #[command(subcommand)]
    Plot(Plot),
    /// Make a key and look at it
    #[command(subcommand)]
    Key(Key),
    /// Pay somebody, and see what became of it
    #[command(subcommand)]
    Tx(Tx),
    /// Show what an identity owns
    Balance(balance::Args),
    /// Look at plugins
    #[command(subcommand)]
    Plugin(Plugin),
}

#[derive(Debug, Subcommand)]
pub(super) enum Plot {
    /// Make a plot, or go on with one that was cut off
    Create(plot_create::Args),
    /// Show what a plot's header says
    Info(plot_info::Args),
    /// Read a whole plot and its cache, and say what is damaged
    Verify(plot_verify::Args),
    /// List every plot found, and why one cannot be used
    List(plot_list::Args),
    /// Strike plots that are gone for good off the records
    Forget(plot_forget::Args),
}

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Draw a new key; an existing one is never overwritten
    New(key::NewArgs),
    /// Write a secret key that was made elsewhere to a key file
    Import(key::ImportArgs),
    /// Show whose key it is, and the plotting key
    Show(key::ShowArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum Tx {
    /// Make a transaction, sign it and hand it to the running chain
    Send(tx_send::Args),
    /// Show whether a transaction is pending or in a block
    Status(tx_status::Args),
}

#[derive(Debug, Subcommand)]
pub(super) enum Plugin {
    /// List every component found, and why one cannot load
    List(plugin_list::Args),
    /// Show what a plugin's file tells of itself, and whether it would load here
    Inspect(plugin_inspect::Args),
    /// Explain the code of a refusal, or list all
    Explain(plugin_explain::Args),
}

impl Command {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        match self {
            Self::Run(args) => run::run(args, output),
            Self::Check(args) => check::run(args, output),
            Self::Prove(args) => prove::run(args, output),
            Self::Decode(args) => decode::run(args, output),
            Self::Plot(Plot::Create(args)) => plot_create::run(args, output),
            Self::Plot(Plot::Info(args)) => plot_info::run(args, output),
            Self::Plot(Plot::Verify(args)) => plot_verify::run(args, output),
            Self::Plot(Plot::List(args)) => plot_list::run(args, output),
            Self::Plot(Plot::Forget(args)) => plot_forget::run(args, output),
            Self::Key(Key::New(args)) => key::new(args, output),
            Self::Key(Key::Import(args)) => key::import(args, output),
            Self::Key(Key::Show(args)) => key::show(args, output),
            Self::Tx(Tx::Send(args)) => tx_send::run(args, output),
            Self::Tx(Tx::Status(args)) => tx_status::run(args, output),
            Self::Balance(args) => balance::run(args, output),
            Self::Plugin(Plugin::List(args)) => plugin_list::run(args, output),
            Self::Plugin(Plugin::Inspect(args)) => plugin_inspect::run(args, output),
            Self::Plugin(Plugin::Explain(args)) => plugin_explain::run(args, output),
        }
    }
}
