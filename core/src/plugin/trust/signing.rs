//! Files with the secret key of somebody who signs plugins, one each, as JSON
//! that only its owner may read.
//!
//! ```json
//! {"plugin_signing_key":"<64 hex digits>","public_key":"<64 hex digits>"}
//! ```
//!
//! They are not a miner's key files, and neither is taken for the other: what
//! a miner's key owns shall not hang on what an author's machine does all day.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use spacetime_sdk_loader::SigningKey;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    keys,
    secret_file::{self, LONGEST, SecretFileError},
};

/// Why there is no key to sign with. Quotes nothing of the file.
#[derive(Debug, Error)]
pub enum SigningKeyError {
    /// The file was not read or written.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// It is the key of a miner.
    #[error(
        "{} is a miner's key, which owns plots and coins and signs no plugins: make a key for that \
         with `spacetime-miner plugin key new FILE`",
        path.display()
    )]
    OfAMiner {
        /// The file.
        path: PathBuf,
    },
    /// It is no key file.
    #[error("{} is not a file with a key that signs plugins: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Draws a new key and writes it to a new file.
///
/// # Errors
///
/// See [`SigningKeyError`].
pub fn create(path: &Path) -> Result<SigningKey, SigningKeyError> {
    let secret = secret_file::draw(path)?;
    let key = SigningKey::new(&secret);
    let digits = Zeroizing::new(const_hex::encode(*secret));
    // Large enough that no piece of it is left behind by growing.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
    let public = key.public().to_string();
    let parts = [r#"{"plugin_signing_key":""#, &digits, r#"","public_key":""#, &public, "\"}\n"];
    parts.iter().for_each(|part| text.extend_from_slice(part.as_bytes()));
    secret_file::write(path, &text)?;
    Ok(key)
}

/// Reads the key in a file.
///
/// # Errors
///
/// See [`SigningKeyError`]; a file that others may read is refused.
pub fn load(path: &Path) -> Result<SigningKey, SigningKeyError> {
    let text = secret_file::read(path, "plugin key new")?;
    parse(&text).map_err(|reason| {
        let path = path.to_owned();
        match keys::is_key_file(&text) {
            true => SigningKeyError::OfAMiner { path },
            false => SigningKeyError::Malformed { path, reason },
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow)]
    plugin_signing_key: &'a str,
    #[serde(borrow)]
    public_key: &'a str,
}

/// The reasons name members and lengths only: the text is secret.
fn parse(text: &[u8]) -> Result<SigningKey, &'static str> {
    let file: File<'_> = serde_json::from_slice(text)
        .map_err(|_| r#"it does not read {"plugin_signing_key":"…","public_key":"…"}"#)?;
    let mut secret = Zeroizing::new([0; 32]);
    const_hex::decode_to_slice(file.plugin_signing_key, &mut *secret)
        .map_err(|_| "its `plugin_signing_key` is not 64 hexadecimal digits")?;
    let key = SigningKey::new(&secret);
    if key.public().to_string() != file.public_key {
        return Err("its `public_key` does not belong to its `plugin_signing_key`");
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use spacetime_protocol::keys::Scheme;

    use super::*;

    #[test]
    fn keys_round_trip_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/author.key");
        let key = create(&path).unwrap();
        assert_eq!(load(&path).unwrap().public(), key.public());
        assert!(matches!(
            create(&path),
            Err(SigningKeyError::File(SecretFileError::Exists { .. }))
        ));
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            let error = load(&path).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_miners_key_signs_no_plugin_and_the_other_way_round() {
        let folder = tempfile::tempdir().unwrap();
        let (miner, author) = (folder.path().join("miner.key"), folder.path().join("author.key"));
        keys::create(&miner, Scheme::Ed25519).unwrap();
        create(&author).unwrap();
        let error = load(&miner).unwrap_err();
        assert!(matches!(error, SigningKeyError::OfAMiner { .. }), "{error}");
        assert!(keys::load(&author).is_err());
        let error = load(&folder.path().join("absent")).unwrap_err().to_string();
        assert!(error.contains("plugin key new"), "{error}");
    }

    #[test]
    fn damage_is_refused_without_quoting_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("author.key");
        create(&path).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        let secret = good[24..88].to_owned();
        for bad in [
            String::new(),
            good.replace(&secret, &secret[1..]),
            good.replace(&secret, &"11".repeat(32)),
            good.replace("public_key", "public"),
        ] {
            fs::write(&path, &bad).unwrap();
            let error = load(&path).unwrap_err();
            assert!(matches!(error, SigningKeyError::Malformed { .. }), "{error}");
            assert!(!format!("{error}{error:?}").contains(&secret[8..32]), "{error}");
        }
    }
}
