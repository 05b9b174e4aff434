//! The address book on disk: `peers.json`, as the reference writes it.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use spacetime_protocol::relay::{AddressBook, BookRules};

/// The largest file that is read, bytes: several times what a full book takes.
const MAX_SIZE: u64 = 64 << 20;

/// Where the book is kept.
#[derive(Clone, Debug)]
pub(in crate::net) struct File {
    path: PathBuf,
}

impl File {
    /// Reads the book, an empty one where there is none. A file that is no
    /// book is kept aside; what cannot be read or kept is left alone, and
    /// nothing is written then.
    pub(super) fn open(path: PathBuf, rules: BookRules) -> (AddressBook, Option<Self>) {
        let empty = || AddressBook::new(rules);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return (empty(), Some(Self { path }));
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return (empty(), Self::aside(path, &error.to_string()));
            }
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "the known peers cannot be read");
                return (empty(), None);
            }
        };
        match AddressBook::parse(&text, rules) {
            Ok(book) => (book, Some(Self { path })),
            Err(error) => (empty(), Self::aside(path, &error.to_string())),
        }
    }

    fn aside(path: PathBuf, reason: &str) -> Option<Self> {
        let aside = path.with_extension("json.corrupt");
        if let Err(error) = fs::rename(&path, &aside) {
            let file = path.display();
            tracing::warn!(%file, reason, %error, "no address book, and it cannot be kept aside");
            return None;
        }
        let (file, aside) = (path.display(), aside.display());
        tracing::warn!(%file, reason, "no address book: it is kept as {aside}, a new one is begun");
        Some(Self { path })
    }

    /// Writes the book under another name, and gives it its own once it is on
    /// the disk.
    pub(in crate::net) fn write(&self, text: &str) {
        let new = self.path.with_extension("json.new");
        let written = fs::File::create(&new).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        if let Err(error) = written.and_then(|()| fs::rename(&new, &self.path)) {
            let file = self.path.display();
            tracing::warn!(%file, %error, "the known peers cannot be written");
            // It is of no use to anybody.
            let _ = fs::remove_file(&new);
        }
    }
}

fn read(path: &PathBuf) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_SIZE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too large"));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_book_is_kept_aside_and_a_book_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.json");
        let open = || File::open(path.clone(), BookRules::DEFAULT);
        let (book, file) = open();
        assert!(book.is_empty() && file.is_some());
        for damage in [&b"{"[..], b"[{\"Port\": \"x\"}]", b"\xff\xfe", b""] {
            fs::write(&path, damage).unwrap();
            let (book, file) = open();
            assert!(book.is_empty());
            assert!(!path.exists());
            assert_eq!(fs::read(folder.path().join("peers.json.corrupt")).unwrap(), damage);
            let mut book = book;
            let address = std::net::SocketAddr::from(([203, 0, 113, 4], 8333));
            book.add(address.into(), "dialled", 1_700_000_000_000).unwrap();
            file.unwrap().write(&book.render());
            assert_eq!(open().0.render(), book.render());
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        }
    }
}
