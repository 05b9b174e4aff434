//! The command line: arguments to calls, errors to documented exit codes. No
//! logic; each command has a file with its arguments and its `run`.

mod args;
mod balance;
mod bench;
mod chain;
mod check;
mod decode;
mod exit;
mod key;
mod log;
mod manifest;
mod output;
mod plot_common;
mod plot_create;
#[cfg(test)]
mod plot_create_vectors;
mod plot_forget;
mod plot_info;
mod plot_list;
mod plot_repair;
mod plot_verify;
mod plugin_config;
mod plugin_explain;
mod plugin_inspect;
mod plugin_install;
mod plugin_key;
mod plugin_list;
mod plugin_new;
mod plugin_release;
mod plugin_sign;
mod plugin_test;
mod plugin_trust;
mod plugin_verify;
mod prove;
mod run;
mod strategy_replay;
mod tx_send;
mod tx_status;

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use spacetime_sdk_loader::journal;

pub use exit::{Exit, Failure};
pub use output::{Output, Style};

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help goes to stdout with code 0, the rest to stderr with code 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    let output = Output::process(args.global.json, args.global.quiet);
    journal::watch(output::own_handle(&io::stderr()), Exit::Plugin.code().into());
    let outcome = log::start(&args.global).and_then(|()| guarded(&args.command, &output));
    journal::end();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.exit() != Exit::Done {
                output.error(&failure);
            }
            ExitCode::from(failure.exit().code())
        }
    }
}

/// A number of seconds of the command line.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "it is a number of seconds, such as 60 or 0.5")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("it must be more than 0".to_owned()),
    }
}

/// A panic of ours has its own exit code too; the hook has printed it.
fn guarded(command: &args::Command, output: &Output) -> Result<(), Failure> {
    panic::catch_unwind(AssertUnwindSafe(|| command.run(output))).unwrap_or_else(|_| {
        Err(Failure::new(Exit::Internal, "this is a bug of the miner: please report the panic"))
    })
}
