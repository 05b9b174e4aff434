//! Identities, signatures and plotting keys (`blocks.md` section 1, and our
//! decisions for ed25519).

use std::fmt;

use k256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{Identity, PlotKey, Signature};

/// The first byte of an ed25519 identity.
const ED25519_TAG: u8 = 0xED;

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
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ed25519, Self::Secp256k1];

    /// The scheme of an identity; `None` if its first byte fits none.
    pub fn of(identity: &Identity) -> Option<Self> {
        match identity.as_bytes()[0] {
            ED25519_TAG => Some(Self::Ed25519),
            2 | 3 => Some(Self::Secp256k1),
            _ => None,
        }
    }
}

/// A secret key; its memory is wiped when dropped, `Debug` shows the identity only.
#[derive(Clone)]
pub struct SecretKey {
    signer: Signer,
    bytes: Zeroizing<[u8; 32]>,
    identity: Identity,
}

/// Both libraries' keys wipe themselves when dropped.
#[derive(Clone)]
enum Signer {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Secp256k1(Box<k256::ecdsa::SigningKey>),
}

/// 32 bytes that are no secret key of the scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("these 32 bytes are not a secp256k1 secret key (0, or not under the group order)")]
pub struct BadSecretKey;

impl SecretKey {
    /// The key with these 32 secret bytes.
    ///
    /// # Errors
    /// [`BadSecretKey`] for secp256k1; every 32 bytes are an ed25519 key.
    pub fn new(scheme: Scheme, bytes: Zeroizing<[u8; 32]>) -> Result<Self, BadSecretKey> {
        let mut identity = [0; Identity::SIZE];
        let signer = match scheme {
            Scheme::Ed25519 => {
                let key = ed25519_dalek::SigningKey::from_bytes(&bytes);
                identity[0] = ED25519_TAG;
                identity[1..].copy_from_slice(key.verifying_key().as_bytes());
                Signer::Ed25519(Box::new(key))
            }
            Scheme::Secp256k1 => {
                let key = k256::ecdsa::SigningKey::from_slice(&*bytes).map_err(|_| BadSecretKey)?;
                identity.copy_from_slice(key.verifying_key().to_sec1_point(true).as_bytes());
                Signer::Secp256k1(Box::new(key))
            }
        };
        Ok(Self { signer, bytes, identity: Identity::new(identity) })
    }

    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        match self.signer {
            Signer::Ed25519(_) => Scheme::Ed25519,
            Signer::Secp256k1(_) => Scheme::Secp256k1,
        }
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
        plot_key(&self.identity)
    }

    /// Signs a 32-byte block or transaction hash. Deterministic: RFC 8032 for ed25519, RFC 6979
    /// with the lower of the two `s` for secp256k1.
    pub fn sign(&self, hash: &[u8; 32]) -> Signature {
        match &self.signer {
            Signer::Ed25519(key) => {
                Signature::new(ed25519_dalek::Signer::sign(&**key, hash).to_bytes())
            }
            Signer::Secp256k1(key) => {
                let signature: k256::ecdsa::Signature = key
                    .sign_prehash(hash)
                    .expect("a prehash of the curve's field size is never refused");
                Signature::new(signature.normalize_s().to_bytes().into())
            }
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// The plotting key of an identity: its bytes 1 to 32.
pub fn plot_key(identity: &Identity) -> PlotKey {
    let mut key = [0; PlotKey::SIZE];
    key.copy_from_slice(&identity.as_bytes()[1..]);
    PlotKey::new(key)
}

/// Whether an identity is a public key, so that somebody may have its secret key. The chain does
/// not ask this of those who are paid; what they get is lost if not.
pub fn is_public_key(identity: &Identity) -> bool {
    match Scheme::of(identity) {
        // No signature of a point of small order counts.
        Some(Scheme::Ed25519) => {
            ed25519_dalek::VerifyingKey::from_bytes(plot_key(identity).as_bytes())
                .is_ok_and(|key| !key.is_weak())
        }
        Some(Scheme::Secp256k1) => {
            k256::ecdsa::VerifyingKey::from_sec1_bytes(identity.as_bytes()).is_ok()
        }
        None => false,
    }
}

/// Whether the signature over the 32-byte hash is the identity's; an identity that cannot be
/// decoded has none.
///
/// Every node must give the same answer, or a crafted signature splits the chain. So ed25519 is
/// verified strictly (canonical `s`, no point of small order, no cofactor), and for secp256k1
/// either `s` counts, as in the reference.
pub fn verify(identity: &Identity, hash: &[u8; 32], signature: &Signature) -> bool {
    match Scheme::of(identity) {
        Some(Scheme::Ed25519) => verify_ed25519(identity, hash, signature),
        Some(Scheme::Secp256k1) => verify_secp256k1(identity, hash, signature),
        None => false,
    }
}

fn verify_ed25519(identity: &Identity, hash: &[u8; 32], signature: &Signature) -> bool {
    let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(plot_key(identity).as_bytes()) else {
        return false;
    };
    let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
    key.verify_strict(hash, &signature).is_ok()
}

fn verify_secp256k1(identity: &Identity, hash: &[u8; 32], signature: &Signature) -> bool {
    let Ok(key) = k256::ecdsa::VerifyingKey::from_sec1_bytes(identity.as_bytes()) else {
        return false;
    };
    let Ok(signature) = k256::ecdsa::Signature::from_slice(signature.as_bytes()) else {
        return false;
    };
    // The library refuses the higher s.
    key.verify_prehash(hash, &signature.normalize_s()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scheme: Scheme, last: u8) -> SecretKey {
        let mut bytes = [0; 32];
        bytes[31] = last;
        SecretKey::new(scheme, Zeroizing::new(bytes)).unwrap()
    }

    #[test]
    fn both_schemes_sign_and_verify() {
        for scheme in [Scheme::Ed25519, Scheme::Secp256k1] {
            let (ours, other) = (key(scheme, 1), key(scheme, 2));
            let signature = ours.sign(&[7; 32]);
            assert_eq!(Scheme::of(&ours.identity()), Some(scheme));
            assert!(verify(&ours.identity(), &[7; 32], &signature));
            assert!(!verify(&ours.identity(), &[8; 32], &signature));
            assert!(!verify(&other.identity(), &[7; 32], &signature));
            assert_eq!(ours.sign(&[7; 32]), signature, "signing is deterministic");
        }
    }

    #[test]
    fn points_of_the_curve_are_public_keys_and_nothing_else_is() {
        for scheme in Scheme::ALL {
            assert!((1..20).all(|last| is_public_key(&key(scheme, last).identity())));
        }
        // 0 is no x of secp256k1, and the y of points of small order of ed25519; 2 is no y.
        let with = |tag: u8, last: u8| {
            let mut bytes = [0; Identity::SIZE];
            (bytes[0], bytes[1]) = (tag, last);
            Identity::new(bytes)
        };
        for (tag, last) in [(2, 0), (3, 0), (0xED, 0), (0xED, 1), (0xED, 2), (4, 3), (0, 0)] {
            assert!(!is_public_key(&with(tag, last)), "{tag:#x} {last}");
        }
        assert!(is_public_key(&with(0xED, 3)));
    }

    #[test]
    fn secp256k1_signs_as_the_specification_says() {
        let hash = const_hex::decode_to_array(
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        )
        .unwrap();
        let key = key(Scheme::Secp256k1, 1);
        assert_eq!(
            key.identity().to_string(),
            "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        );
        assert_eq!(
            key.sign(&hash).to_string(),
            "ea139d5071550f5ab2adb0eeccff0909deb3178319eb4f25462716004201ec2a\
             7719dbc74288a91d03871582115b1b4dd64a4704ca05417bd58ad4fb434adfcc"
        );
    }

    #[test]
    fn secp256k1_signs_with_the_lower_s_and_either_is_right() {
        let order: [u8; 32] = const_hex::decode_to_array(
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        )
        .unwrap();
        let half: [u8; 32] = const_hex::decode_to_array(
            "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0",
        )
        .unwrap();
        for number in 0..32_u8 {
            let (key, hash) = (key(Scheme::Secp256k1, number + 1), [number; 32]);
            let mut bytes = key.sign(&hash).to_bytes();
            assert!(bytes[32..] <= half[..], "{number}");
            let mut borrow = 0;
            for (s, n) in bytes[32..].iter_mut().zip(order).rev() {
                let difference = 256 + i16::from(n) - i16::from(*s) - borrow;
                borrow = i16::from(difference < 256);
                *s = difference.to_le_bytes()[0];
            }
            assert!(bytes[32..] > half[..], "{number}");
            assert!(verify(&key.identity(), &hash, &Signature::new(bytes)), "{number}");
            bytes[0] ^= 1;
            assert!(!verify(&key.identity(), &hash, &Signature::new(bytes)), "{number}");
        }
    }

    #[test]
    fn ed25519_refuses_keys_of_small_order_and_other_spellings_of_s() {
        // With the neutral element as key, a lax verifier accepts R = s * B for any message.
        let mut identity = [0; 33];
        identity[0] = 0xED;
        identity[1] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!verify(&Identity::new(identity), &[7; 32], &Signature::new(signature)));

        let key = key(Scheme::Ed25519, 9);
        let mut bytes = key.sign(&[7; 32]).to_bytes();
        add_group_order(&mut bytes[32..]);
        assert!(!verify(&key.identity(), &[7; 32], &Signature::new(bytes)));
    }

    fn add_group_order(s: &mut [u8]) {
        let order: [u8; 32] = const_hex::decode_to_array(
            "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
        )
        .unwrap();
        let mut carry = 0;
        for (byte, add) in s.iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SecretKey::new(Scheme::Ed25519, Zeroizing::new([0xAB; 32])).unwrap();
        assert!(!format!("{key:?}").contains("abab"));
        assert_eq!(key.plot_key().as_bytes()[..], key.identity().as_bytes()[1..]);
    }

    #[test]
    fn zero_and_the_group_order_are_no_secp256k1_keys() {
        assert!(SecretKey::new(Scheme::Secp256k1, Zeroizing::new([0; 32])).is_err());
        assert!(SecretKey::new(Scheme::Secp256k1, Zeroizing::new([0xFF; 32])).is_err());
    }
}
