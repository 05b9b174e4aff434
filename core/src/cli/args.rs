//! The command line, assembled from the commands' own argument structs.

use clap::{Parser, Subcommand};

use super::{
    Exit, Failure, Output, balance, bench, check, decode, key, plot_create, plot_forget, plot_info,
    plot_list, plot_repair, plot_verify, plugin_explain, plugin_inspect, plugin_install,
    plugin_key, plugin_list, plugin_new, plugin_release, plugin_sign, plugin_test, plugin_trust,
    plugin_verify, prove, run, strategy_replay, tx_send, tx_status,
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
    /// Make plots, look at them, repair them
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
    /// Make plugins, look at them, sign them, say whom to trust, install them
    #[command(subcommand)]
    Plugin(Plugin),
    /// Measure how fast this machine is at what a miner does, and say what limits it
    Bench(bench::Args),
    /// Compare scanning strategies
    #[command(subcommand)]
    Strategy(Strategy),
}

#[derive(Debug, Subcommand)]
pub(super) enum Plot {
    /// Make a plot, or go on with one that was cut off
    Create(plot_create::Args),
    /// Show what a plot's header says
    Info(plot_info::Args),
    /// Read a whole plot and its cache, and say what is damaged
    Verify(plot_verify::Args),
    /// Make damaged leaves of a plot again, from its key, and its cache
    Repair(plot_repair::Args),
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
    /// Let a quarantined component be used again
    Release(plugin_release::Args),
    /// Make the Cargo project of a new plugin, which builds and passes its tests at once
    New(plugin_new::Args),
    /// Test a plugin's components against the rules of their kinds
    Test(plugin_test::Args),
    /// What `plugin test` starts for each test
    #[command(hide = true)]
    TestChild,
    /// Make a key that signs plugins, and look at it
    #[command(subcommand)]
    Key(PluginKey),
    /// Sign a plugin file
    Sign(plugin_sign::Args),
    /// Show who signed a plugin file, and whether and why it would be loaded
    Verify(plugin_verify::Args),
    /// Write into the manifest that a key, a plugin's signer or this very file is trusted
    Trust(plugin_trust::Args),
    /// Copy plugin files to the user's plugin folder, and their hashes to plugins.lock
    Install(plugin_install::Args),
    /// Take an installed plugin away again
    Uninstall(plugin_install::UninstallArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum PluginKey {
    /// Draw a new key; an existing one is never overwritten
    New(plugin_key::Args),
    /// Show the public key
    Show(plugin_key::Args),
}

#[derive(Debug, Subcommand)]
pub(super) enum Strategy {
    /// Compare strategies over the challenges that the miner has recorded
    Replay(strategy_replay::Args),
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
            Self::Plot(Plot::Repair(args)) => plot_repair::run(args, output),
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
            Self::Plugin(Plugin::Release(args)) => plugin_release::run(args, output),
            Self::Plugin(Plugin::Key(PluginKey::New(args))) => plugin_key::new(args, output),
            Self::Plugin(Plugin::Key(PluginKey::Show(args))) => plugin_key::show(args, output),
            Self::Plugin(Plugin::Sign(args)) => plugin_sign::run(args, output),
            Self::Plugin(Plugin::Verify(args)) => plugin_verify::run(args, output),
            Self::Plugin(Plugin::Trust(args)) => plugin_trust::run(args, output),
            Self::Plugin(Plugin::Install(args)) => plugin_install::install(args, output),
            Self::Plugin(Plugin::Uninstall(args)) => plugin_install::uninstall(args, output),
            Self::Strategy(Strategy::Replay(args)) => strategy_replay::run(args, output),
            Self::Bench(args) => bench::run(args, output),
            Self::Plugin(Plugin::New(args)) => plugin_new::run(args, output),
            Self::Plugin(Plugin::Test(args)) => plugin_test::run(args, output),
            Self::Plugin(Plugin::TestChild) => plugin_test::child(),
        }
    }
}
