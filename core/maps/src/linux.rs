//! A part of a file in memory.

use std::{fs::File, io};

use memmap2::{Advice, Mmap, MmapOptions};

use crate::guard::Guarded;

/// A part of a file in memory.
#[derive(Debug)]
pub struct Window {
    // Before the memory: its addresses may be another's once it is unmapped.
    guarded: Guarded,
    memory: Mmap,
    offset: u64,
}

impl Window {
    /// Maps `len` bytes of a file from `offset` on. From two mebibytes on, the
    /// system can map what it holds in large pages for next to nothing.
    ///
    /// # Errors
    ///
    /// * [`Unsupported`](io::ErrorKind::Unsupported): the file system cannot map.
    /// * [`OutOfMemory`](io::ErrorKind::OutOfMemory): there are too many
    ///   windows.
    /// * [`UnexpectedEof`](io::ErrorKind::UnexpectedEof): the file ends before.
    pub fn open(file: &File, offset: u64, len: usize) -> io::Result<Self> {
        ends_behind(file, offset, len)?;
        let memory = map(file, offset, len).map_err(refusal)?;
        let _ = memory.advise(Advice::Sequential);
        let guarded = Guarded::new(&memory).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { guarded, memory, offset })
    }

    /// Has the system read `len` bytes from the window's byte `from` on, so that
    /// nobody waits for the drive who looks at them then. `file` is the one that
    /// was mapped.
    ///
    /// # Errors
    ///
    /// * [`Unsupported`](io::ErrorKind::Unsupported): the kernel cannot read
    ///   ahead of access (Linux before 5.14).
    /// * [`UnexpectedEof`](io::ErrorKind::UnexpectedEof): the file ends before,
    ///   by now.
    /// * [`InvalidInput`](io::ErrorKind::InvalidInput): the window ends before.
    /// * Whatever else the system says: the drive fails. A read of the same
    ///   bytes tells more.
    pub fn load(&self, file: &File, from: usize, len: usize) -> io::Result<()> {
        if from.checked_add(len).is_none_or(|end| end > self.memory.len()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // Behind the end, the last page has zeros, which are no fault.
        ends_behind(file, self.offset + from as u64, len)?;
        self.memory.advise_range(Advice::PopulateRead, from, len).map_err(refusal)
    }

    /// The bytes of the part; zeros where they could not be read, if it is not
    /// [whole](Self::is_whole). Looking at what was not [loaded](Self::load)
    /// waits for the drive.
    pub fn bytes(&self) -> &[u8] {
        &self.memory
    }

    /// Whether all that was read up to now were the file's bytes. Ask after
    /// reading.
    pub fn is_whole(&self) -> bool {
        self.guarded.is_whole()
    }
}

fn ends_behind(file: &File, offset: u64, len: usize) -> io::Result<()> {
    match offset.checked_add(len as u64) {
        Some(end) if end <= file.metadata()?.len() => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[allow(unsafe_code, reason = "a map of a file is as safe as what others do to the file")]
fn map(file: &File, offset: u64, len: usize) -> io::Result<Mmap> {
    // Whoever looks twice at what another process writes to must not count on the
    // same bytes, and nobody does: a scan copies the leaf that it claims, and scores
    // the copy.
    // SAFETY: the map is read-only and private to the window. Should another process
    // cut the file, the guard puts zeros in its place; should one write to it, other
    // bytes are read, each of them a byte.
    unsafe { MmapOptions::new().offset(offset).len(len).map(file) }
}

/// What says "not here" says so in one way.
fn refusal(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EINVAL | libc::ENODEV | libc::ENOSYS) => io::ErrorKind::Unsupported.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(len: usize) -> (File, Vec<u8>) {
        let bytes: Vec<u8> = (0..len).map(|at| (at * 7 + at / 256) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (file, bytes)
    }

    #[test]
    fn any_part_is_what_a_read_gives() {
        let (file, bytes) = file(20_000);
        for (offset, len) in [(0, 20_000), (121, 4096), (4096, 1), (8191, 9000), (19_999, 1)] {
            let window = Window::open(&file, offset as u64, len).unwrap();
            window.load(&file, len / 2, len - len / 2).unwrap();
            assert_eq!(window.bytes(), &bytes[offset..][..len]);
            assert!(window.is_whole());
        }
    }

    #[test]
    fn what_lies_behind_the_end_is_an_error() {
        let (file, _) = file(4096);
        for (offset, len) in [(4096, 1), (0, 4097), (0, 9000), (u64::MAX, 1)] {
            let error = Window::open(&file, offset, len).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{len} from {offset} on");
        }
        let window = Window::open(&file, 0, 4096).unwrap();
        file.set_len(4000).unwrap();
        let error = window.load(&file, 3000, 1001).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "within the last page");
        window.load(&file, 3000, 1000).unwrap();
        let error = window.load(&file, 1, 4096).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_file_that_is_cut_while_it_is_mapped_reads_as_zeros_and_says_so() {
        let (file, bytes) = file(3 * 4096);
        let (first, last) = (Window::open(&file, 0, 100), Window::open(&file, 100, 3 * 4000));
        let (first, last) = (first.unwrap(), last.unwrap());
        file.set_len(4096).unwrap();
        assert_eq!(last.bytes()[9000], 0);
        assert!(!last.is_whole());
        assert!(last.bytes().iter().all(|byte| *byte == 0), "all of it, not a page");
        assert_eq!(first.bytes(), &bytes[..100], "another window of the file");
        assert!(first.is_whole());
        drop(last);
        let again = Window::open(&file, 0, 4096).unwrap();
        assert!(again.is_whole(), "in the place of one that was not");
    }

    #[test]
    fn more_windows_than_can_be_watched_are_an_error_and_no_more() {
        let (file, _) = file(4096);
        let mut windows = Vec::new();
        let error = loop {
            match Window::open(&file, 0, 4096) {
                Ok(window) => windows.push(window),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        windows.pop();
        assert!(Window::open(&file, 0, 4096).is_ok());
    }
}
