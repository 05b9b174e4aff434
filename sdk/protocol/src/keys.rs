//! Identities, signatures and plotting keys (`blocks.md` section 1, and our
//! decisions for ed25519).

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{Identity, PlotKey, Signature};

/// The kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Identity: `ED`, then the 32-byte public key.
    Ed25519,
    /// Identity: the compressed public key.
    Secp256k1,
}

impl Scheme {
    /// The scheme of an identity; `None` if its first byte fits none.
    pub fn of(identity: &Identity) -> Option<Self> {
        todo!()
    }
}

/// A secret key; its memory is wiped when dropped, `Debug` shows the identity only.
#[derive(Clone)]
pub struct SecretKey {
    scheme: Scheme,
    bytes: Zeroizing<[u8; 32]>,
    identity: Identity,
}

/// 32 bytes that are no secret key of the scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("these 32 bytes are not a secp256k1 secret key (0, or not under the group order)")]
pub struct BadSecretKey;

impl SecretKey {
    /// The key with these 32 secret bytes.
    pub fn new(scheme: Scheme, bytes: Zeroizing<[u8; 32]>) -> Result<Self, BadSecretKey> {
        todo!()
    }
    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
    /// The secret bytes, for writing a key file.
    pub fn secret_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
    /// Who signs with it.
    pub fn identity(&self) -> Identity {
        self.identity
    }
    /// What its plots' leaves are derived from.
    pub fn plot_key(&self) -> PlotKey {
        todo!()
    }
    /// Signs a 32-byte block or transaction hash.
    pub fn sign(&self, hash: &[u8; 32]) -> Signature {
        todo!()
    }
}

/// The plotting key of an identity: its bytes 1 to 32.
pub fn plot_key(identity: &Identity) -> PlotKey {
    todo!()
}
/// Whether the signature over the 32-byte hash is the identity's; an identity that cannot be
/// decoded has none.
pub fn verify(identity: &Identity, hash: &[u8; 32], signature: &Signature) -> bool {
    todo!()
}
