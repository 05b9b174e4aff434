//! The program's commands, and how they fail.

pub(crate) mod genesis;
mod network;
pub(crate) mod run;
mod tls;

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done; a node that was asked to stop (SIGTERM, SIGINT)
  1  a fault of the node itself or of the system around it, such as output that
     cannot be written
  2  the command line cannot be understood, or names an unknown network
  3  the network file is missing or wrong
  4  a certificate, or a key of one, is missing, unreadable or refused
  7  the chain in the data directory cannot be used, or nothing can listen on
     the address";

/// A number of [`EXIT_CODES`], and why.
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
