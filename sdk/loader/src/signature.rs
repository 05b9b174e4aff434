//! Signatures of plugin files: ed25519 over the file's hash and the hash of
//! its descriptor, in a file of their own beside it (`FILE.sig`).
//!
//! ```json
//! {
//!   "format": 1,
//!   "plugin": "every-nth",
//!   "version": "0.1.0",
//!   "target": "x86_64-unknown-linux-gnu",
//!   "sha256": "<64 hex digits>",
//!   "signer": "<64 hex digits>",
//!   "signature": "<128 hex digits>"
//! }
//! ```
//!
//! Plugin, version and target are there for people, and must be the file's. A
//! file that is not byte for byte what is written here is no signature: there
//! is one text for each, so that no change of it goes unnoticed.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

use ed25519_dalek::Signer as _;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    file::{FileHash, PluginFile},
    refusal::Refusal,
};

/// What every signed message begins with. Nothing else that a key of this
/// project signs does: blocks and transactions sign 32 bytes.
const DOMAIN: &[u8] = b"spacetime plugin signature, format 1\0";

/// A signature file is far shorter.
const LONGEST: u64 = 16 * 1024;

/// Who signs plugins: an ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; Self::SIZE]);

impl PublicKey {
    /// Length in bytes.
    pub const SIZE: usize = 32;
}

/// A text that is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPublicKey {
    /// It has another length, or other characters.
    #[error("a key that signs plugins has 64 hexadecimal digits")]
    Form,
    /// It is the identity of a miner.
    #[error(
        "this is the identity of a miner: a key that signs plugins is made by `spacetime-miner \
         plugin key new`, and has 64 hexadecimal digits"
    )]
    Identity,
    /// Nobody can have its secret key.
    #[error("these digits are nobody's key: look for a mistake in them")]
    Nobody,
}

impl FromStr for PublicKey {
    type Err = NoPublicKey;

    fn from_str(text: &str) -> Result<Self, NoPublicKey> {
        let Some(bytes) = crate::hex(text) else {
            let is_identity = text.len() == 66 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            return Err(if is_identity { NoPublicKey::Identity } else { NoPublicKey::Form });
        };
        match ed25519_dalek::VerifyingKey::from_bytes(&bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(bytes)),
            _ => Err(NoPublicKey::Nobody),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A secret key that signs plugins; its memory is wiped when dropped, `Debug`
/// shows the public key only.
pub struct SigningKey(Box<ed25519_dalek::SigningKey>);

impl SigningKey {
    /// The key with these secret bytes, which any 32 may be.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Box::new(ed25519_dalek::SigningKey::from_bytes(secret)))
    }

    /// Who signs with it.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public()).finish()
    }
}

/// A signature of a plugin file. One that was read need not be true: see
/// [`verify`](Self::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The platform that it is for.
    pub target: String,
    /// The hash of the file.
    pub sha256: FileHash,
    /// Who signed it.
    pub signer: PublicKey,
    bytes: [u8; 64],
}

impl Signature {
    /// Signs a plugin file.
    ///
    /// # Errors
    ///
    /// It is not a plugin.
    pub fn make(file: &PluginFile, key: &SigningKey) -> Result<Self, Refusal> {
        let descriptor = file.descriptor()?;
        let message = message(file.sha256(), &file.descriptor_text()?);
        Ok(Self {
            plugin: descriptor.plugin,
            version: descriptor.version,
            target: descriptor.target,
            sha256: file.sha256(),
            signer: key.public(),
            bytes: key.0.sign(&message).to_bytes(),
        })
    }

    /// Where the signature of a file is.
    pub fn path_of(file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".sig");
        name.into()
    }

    /// Reads the signature beside a file: beside the name that was given, or
    /// beside the file that a symbolic link leads to.
    ///
    /// # Errors
    ///
    /// There is one that cannot be read ([`SignatureDamaged`](crate::Code::SignatureDamaged)).
    pub fn beside(file: &PluginFile) -> Result<Option<Self>, Refusal> {
        let places = [Self::path_of(file.path()), Self::path_of(file.real_path())];
        let Some(place) = places.iter().find(|place| place.exists()) else { return Ok(None) };
        let refused = |detail: &dyn fmt::Display| {
            Refusal::signature_damaged(file.path(), place, &detail.to_string())
        };
        let text = read(place).map_err(|error| refused(&error))?;
        Self::parse(&text).map(Some).map_err(|reason| refused(&reason))
    }

    /// Reads a signature file's bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let form: Form<'_> = serde_json::from_slice(text)
            .map_err(|_| "it is cut off, or not what `plugin sign` writes")?;
        if form.format != 1 {
            return Err("it has a format that this host is too old for");
        }
        let hash = crate::hex(form.sha256).ok_or("its `sha256` has not 64 hexadecimal digits")?;
        let signer = crate::hex(form.signer).ok_or("its `signer` has not 64 hexadecimal digits")?;
        let bytes =
            crate::hex(form.signature).ok_or("its `signature` has not 128 hexadecimal digits")?;
        let signature = Self {
            plugin: form.plugin,
            version: form.version,
            target: form.target,
            sha256: FileHash::new(hash),
            signer: PublicKey(signer),
            bytes,
        };
        if signature.to_text().as_bytes() != text {
            return Err("it is not byte for byte what `plugin sign` writes");
        }
        Ok(signature)
    }

    /// The signature file's text.
    pub fn to_text(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let lines = [
            ("format", "1".to_owned()),
            ("plugin", quoted(&self.plugin)),
            ("version", quoted(&self.version)),
            ("target", quoted(&self.target)),
            ("sha256", quoted(&self.sha256.to_string())),
            ("signer", quoted(&self.signer.to_string())),
            ("signature", quoted(&const_hex::encode(self.bytes))),
        ];
        let lines = lines.map(|(name, value)| format!("  \"{name}\": {value}"));
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }

    /// Whether it is what its signer made of this file. Who that is must be
    /// judged besides.
    ///
    /// # Errors
    ///
    /// It is of another file
    /// ([`SignatureOfAnother`](crate::Code::SignatureOfAnother)), or not its
    /// signer's ([`SignatureForged`](crate::Code::SignatureForged)); or the file
    /// is no plugin.
    pub fn verify(&self, file: &PluginFile) -> Result<(), Refusal> {
        if self.sha256 != file.sha256() {
            return Err(Refusal::signature_of_another(file.path(), self, file.sha256()));
        }
        let descriptor = file.descriptor()?;
        let theirs = (&self.plugin, &self.version, &self.target);
        if theirs != (&descriptor.plugin, &descriptor.version, &descriptor.target) {
            return Err(Refusal::signature_of_another(file.path(), self, file.sha256()));
        }
        let message = message(self.sha256, &file.descriptor_text()?);
        let signature = ed25519_dalek::Signature::from_bytes(&self.bytes);
        // Strictly: no key of small order, under which anything is signed.
        ed25519_dalek::VerifyingKey::from_bytes(&self.signer.0)
            .and_then(|key| key.verify_strict(&message, &signature))
            .map_err(|_| Refusal::signature_forged(file.path(), self.signer))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form<'a> {
    format: u32,
    plugin: String,
    version: String,
    target: String,
    #[serde(borrow)]
    sha256: &'a str,
    #[serde(borrow)]
    signer: &'a str,
    #[serde(borrow)]
    signature: &'a str,
}

fn message(file: FileHash, descriptor: &str) -> Vec<u8> {
    [DOMAIN, file.as_bytes(), &Sha256::digest(descriptor)].concat()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature() -> Signature {
        let key = SigningKey::new(&[7; 32]);
        Signature {
            plugin: "a \"b\"".into(),
            version: "1.2.3".into(),
            target: "here".into(),
            sha256: FileHash::of(b"x"),
            signer: key.public(),
            bytes: [0xAB; 64],
        }
    }

    #[test]
    fn there_is_one_text_for_a_signature() {
        let signature = signature();
        let text = signature.to_text();
        assert_eq!(Signature::parse(text.as_bytes()), Ok(signature.clone()));
        let hash = signature.sha256.to_string();
        for other in [
            text.replace("\n  \"plugin\"", " \"plugin\""),
            text.replace(&hash, &hash.to_uppercase()),
            text.replace("1.2.3", "1.2.\\u0033"),
            text.replace("\n", "\r\n"),
            text.replace("\"format\": 1", "\"format\": 2"),
            text.replace("\"format\": 1", "\"format\": 1, \"more\": 1"),
            format!("{text} "),
            text[..text.len() - 1].to_owned(),
            text[..text.len() / 2].to_owned(),
            String::new(),
        ] {
            assert!(Signature::parse(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn public_keys_are_told_from_what_looks_like_them() {
        let key = SigningKey::new(&[7; 32]).public();
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key));
        assert_eq!(text.to_uppercase().parse(), Ok(key));
        assert_eq!(format!("ed{text}").parse::<PublicKey>(), Err(NoPublicKey::Identity));
        assert_eq!(text[1..].parse::<PublicKey>(), Err(NoPublicKey::Form));
        // The neutral element, under which a lax verifier accepts anything.
        let weak = format!("01{}", "00".repeat(31));
        assert_eq!(weak.parse::<PublicKey>(), Err(NoPublicKey::Nobody));
        assert_eq!(format!("02{}", &weak[2..]).parse::<PublicKey>(), Err(NoPublicKey::Nobody));
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", SigningKey::new(&[0xAB; 32]));
        assert!(!shown.contains("abab") && !shown.contains("171, 171"), "{shown}");
    }
}
