//! Key files: one secret key each, as JSON that only its owner may read.
//!
//! ```json
//! {"scheme":"ed25519","secret":"<64 hex digits>","identity":"<66 hex digits>"}
//! ```
//!
//! The identity follows from the secret; it stands there for people, and a
//! file in which the two do not belong together is refused. Other members are
//! refused too.

use std::{
    fmt,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use spacetime_protocol::{
    Identity,
    keys::{Scheme, SecretKey},
};
use thiserror::Error;
use zeroize::Zeroizing;

pub use crate::secret_file::SecretFileError;
use crate::secret_file::{self, LONGEST};

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file was not read or written.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// It is no key file. The reason quotes nothing of it.
    #[error("{} is not a key file: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What was to be imported is no secret key. The reason quotes nothing of it.
    #[error("{from} does not hold a secret key: {reason}")]
    NoSecret {
        /// Where it came from.
        from: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// What was to be imported cannot be read.
    #[error("cannot read {from}: {source}")]
    Unreadable {
        /// Where it was to come from.
        from: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads the key in a file.
///
/// # Errors
///
/// See [`KeyError`]; a file that others may read is refused.
pub fn load(path: &Path) -> Result<SecretKey, KeyError> {
    let text = secret_file::read(path, "key new --key")?;
    parse(&text).map_err(|reason| malformed(path, reason))
}

/// Draws a new key and writes it to a file.
///
/// # Errors
///
/// See [`KeyError`]; an existing file is never overwritten.
pub fn create(path: &Path, scheme: Scheme) -> Result<SecretKey, KeyError> {
    let key = loop {
        // About one in 2^128 draws is no secp256k1 key.
        if let Ok(key) = SecretKey::new(scheme, secret_file::draw(path)?) {
            break key;
        }
    };
    write(path, &key)?;
    Ok(key)
}

/// Writes a secret key that was made elsewhere to a file: 64 hexadecimal
/// digits, alone but for white space around them, read from `input`, which
/// messages call `from`.
///
/// # Errors
///
/// See [`KeyError`]; an existing file is never overwritten.
pub fn import(
    path: &Path,
    scheme: Scheme,
    input: impl Read,
    from: &str,
) -> Result<SecretKey, KeyError> {
    let wrong = |reason| KeyError::NoSecret { from: from.to_owned(), reason };
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
    input
        .take(LONGEST)
        .read_to_end(&mut text)
        .map_err(|source| KeyError::Unreadable { from: from.to_owned(), source })?;
    let mut secret = Zeroizing::new([0; 32]);
    const_hex::decode_to_slice(text.trim_ascii(), &mut *secret)
        .map_err(|_| wrong("it is not 64 hexadecimal digits"))?;
    let key = SecretKey::new(scheme, secret)
        .map_err(|_| wrong("these 32 bytes are not a secret key of the scheme"))?;
    write(path, &key)?;
    Ok(key)
}

/// Writes a key to a new file that only its owner may read.
///
/// # Errors
///
/// See [`KeyError`]; an existing file is never overwritten.
pub fn write(path: &Path, key: &SecretKey) -> Result<(), KeyError> {
    Ok(secret_file::write(path, &render(key))?)
}

fn malformed(path: &Path, reason: impl fmt::Display) -> KeyError {
    KeyError::Malformed { path: path.to_owned(), reason: reason.to_string() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    scheme: Scheme,
    #[serde(borrow)]
    secret: &'a str,
    identity: Identity,
}

/// A scheme as key files and the command line call it.
pub fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Ed25519 => "ed25519",
        Scheme::Secp256k1 => "secp256k1",
    }
}

/// Whether bytes are a key file's; for fuzzing.
pub(crate) fn is_key_file(text: &[u8]) -> bool {
    parse(text).is_ok()
}

/// The reasons name members and lengths only: the text is secret.
fn parse(text: &[u8]) -> Result<SecretKey, &'static str> {
    let file: File = serde_json::from_slice(text)
        .map_err(|_| r#"it does not read {"scheme":"ed25519","secret":"…","identity":"…"}"#)?;
    let mut secret = Zeroizing::new([0; 32]);
    const_hex::decode_to_slice(file.secret, &mut *secret)
        .map_err(|_| "its `secret` is not 64 hexadecimal digits")?;
    let key = SecretKey::new(file.scheme, secret)
        .map_err(|_| "its `secret` is not a secret key of its scheme")?;
    if key.identity() != file.identity {
        return Err("its `identity` does not belong to its `secret`");
    }
    Ok(key)
}

fn render(key: &SecretKey) -> Zeroizing<Vec<u8>> {
    let scheme = scheme_name(key.scheme());
    let secret = Zeroizing::new(const_hex::encode(key.secret_bytes()));
    // Large enough that no piece of it is left behind by growing.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
    let parts = [
        r#"{"scheme":""#,
        scheme,
        r#"","secret":""#,
        &secret,
        r#"","identity":""#,
        &key.identity().to_string(),
        "\"}\n",
    ];
    parts.iter().for_each(|part| text.extend_from_slice(part.as_bytes()));
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn keys_round_trip_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        for scheme in [Scheme::Ed25519, Scheme::Secp256k1] {
            let path = folder.path().join("deep/er").join(format!("{scheme:?}.key"));
            let key = create(&path, scheme).unwrap();
            let found = load(&path).unwrap();
            assert_eq!((found.identity(), found.scheme()), (key.identity(), scheme));
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            }
            assert!(matches!(
                create(&path, scheme),
                Err(KeyError::File(SecretFileError::Exists { .. }))
            ));
            assert_eq!(load(&path).unwrap().identity(), key.identity());
        }
        assert_eq!(fs::read_dir(folder.path().join("deep/er")).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_remedy() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        create(&path, Scheme::Ed25519).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains("mode 640") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn damage_is_refused_without_quoting_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let key = create(&path, Scheme::Ed25519).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        let secret = const_hex::encode(key.secret_bytes());
        let shifted = format!("{}{}", &secret[1..], &secret[..1]);
        let bad = [
            String::new(),
            "not json".to_owned(),
            good.replace(&secret, &secret[1..]),
            good.replace("identity", "identify"),
            good.replace("ed25519", "rsa"),
            good.replace(&secret, &"zz".repeat(32)),
            good.replace(&secret, &"11".repeat(32)),
            good.replace(&secret, &shifted),
        ];
        for text in bad {
            fs::write(&path, &text).unwrap();
            let error = load(&path).unwrap_err();
            assert!(matches!(error, KeyError::Malformed { .. }), "{text}: {error}");
            assert!(!error.to_string().contains(&secret[8..32]), "{error}");
        }
    }

    #[test]
    fn a_secret_from_elsewhere_becomes_a_key_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let secret = format!("{:0>64}", "1");
        let text = format!(" {secret}\n");
        let key = import(&path, Scheme::Secp256k1, text.as_bytes(), "here").unwrap();
        let point = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        assert_eq!(key.identity().to_string(), point);
        assert_eq!(load(&path).unwrap().identity(), key.identity());
        let again = import(&path, Scheme::Ed25519, text.as_bytes(), "here").unwrap_err();
        assert!(matches!(again, KeyError::File(SecretFileError::Exists { .. })), "{again}");
        let other = folder.path().join("b.key");
        for bad in ["", "hello", &secret[1..], &format!("{secret} {secret}"), &"00".repeat(32)] {
            let error = import(&other, Scheme::Secp256k1, bad.as_bytes(), "here").unwrap_err();
            assert!(error.to_string().starts_with("here does not hold a secret key: "), "{error}");
            assert!(!other.exists());
        }
    }

    #[test]
    fn an_absent_file_is_told_with_the_next_step() {
        let error = load(Path::new("/nonexistent/a.key")).unwrap_err().to_string();
        assert!(error.contains("key new --key /nonexistent/a.key"), "{error}");
    }
}
