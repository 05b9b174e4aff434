//! The miner's one binary; everything is in the library.

fn main() -> std::process::ExitCode {
    spacetime_core::cli::main()
}
