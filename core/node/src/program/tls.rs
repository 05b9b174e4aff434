//! TLS on the command line: our own certificate, and peers that have one.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use spacetime_node::net::{Address, AddressError, Certificate, Tls, TlsError};

use super::Failure;

/// What begins an address that is dialled with TLS.
const PREFIX: &str = "tls://";

#[derive(Args)]
pub(crate) struct TlsArguments {
    /// Accept connections with TLS only: a PEM file with our certificate, and
    /// those that lead to its authority behind it
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, a PEM file that only its owner may read
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A PEM file with the certificates that peers at tls://… are verified
    /// with; without it, the system's
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
}

impl TlsArguments {
    /// What we show to whoever dials us.
    pub(crate) fn certificate(&self) -> Result<Option<Certificate>, Failure> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(chain), Some(key)) => Certificate::read(chain, key).map(Some).map_err(refused),
            _ => Ok(None),
        }
    }

    /// How peers are verified, if one of them is to be.
    pub(crate) fn verification(&self, peers: &[Peer]) -> Result<Option<Tls>, Failure> {
        if peers.iter().any(|peer| peer.has_tls) {
            return Tls::new(self.tls_ca.as_deref(), None).map(Some).map_err(refused);
        }
        if self.tls_ca.is_some() {
            let message = "--tls-ca is for peers at tls://HOST:PORT, and none is named";
            return Err(Failure::new(2, message));
        }
        Ok(None)
    }
}

fn refused(error: TlsError) -> Failure {
    Failure::new(4, error.to_string())
}

/// A peer to dial.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: Address,
    pub(crate) has_tls: bool,
}

impl FromStr for Peer {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (address, has_tls) = match text.strip_prefix(PREFIX) {
            Some(address) => (address, true),
            None => (text, false),
        };
        Ok(Self { address: address.parse()?, has_tls })
    }
}
