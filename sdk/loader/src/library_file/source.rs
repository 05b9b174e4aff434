//! A file's bytes, of which only so many are read.

use std::{cell::Cell, ops::Range};

use object::ReadRef;

/// Bytes of a file, or of a part of it. All copies share one budget.
#[derive(Clone, Copy)]
pub(super) struct Source<'a, R> {
    data: R,
    start: u64,
    len: u64,
    budget: &'a Cell<u64>,
}

impl<'a, 'data, R: ReadRef<'data>> Source<'a, R> {
    pub(super) fn new(data: R, budget: &'a Cell<u64>) -> Result<Self, ()> {
        Ok(Self { data, start: 0, len: data.len()?, budget })
    }

    /// A part of it, as if it were a file.
    pub(super) fn part(self, offset: u64, len: u64) -> Result<Self, ()> {
        self.holds(offset, len)?;
        Ok(Self { start: self.start + offset, len, ..self })
    }

    /// Whether so many bytes are there, without reading them.
    pub(super) fn holds(self, offset: u64, len: u64) -> Result<(), ()> {
        let end = offset.checked_add(len).ok_or(())?;
        if end <= self.len { Ok(()) } else { Err(()) }
    }

    fn spend(self, bytes: u64) -> Result<(), ()> {
        self.budget.set(self.budget.get().checked_sub(bytes).ok_or(())?);
        Ok(())
    }
}

impl<'data, R: ReadRef<'data>> ReadRef<'data> for Source<'_, R> {
    fn len(self) -> Result<u64, ()> {
        Ok(self.len)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'data [u8], ()> {
        self.holds(offset, size)?;
        self.spend(size)?;
        self.data.read_bytes_at(self.start + offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'data [u8], ()> {
        let len = range.end.checked_sub(range.start).ok_or(())?;
        self.holds(range.start, len)?;
        let range = self.start + range.start..self.start + range.end;
        let bytes = self.data.read_bytes_at_until(range, delimiter)?;
        // A cached file keeps more than the text, rounded up.
        self.spend(bytes.len() as u64 + 256)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_file_of_its_own_and_shares_the_budget() {
        let budget = Cell::new(300);
        let whole = Source::new(&b"0123456789"[..], &budget).unwrap();
        let part = whole.part(2, 5).unwrap();
        assert_eq!(part.len(), Ok(5));
        assert_eq!(part.read_bytes_at(1, 2), Ok(&b"34"[..]));
        assert_eq!(part.read_bytes_at_until(0..5, b'4'), Ok(&b"23"[..]));
        assert_eq!(part.read_bytes_at(1, 5), Err(()));
        assert_eq!(part.read_bytes_at(u64::MAX, 2), Err(()));
        assert!(part.part(1, 5).is_err() && part.part(1, u64::MAX).is_err());
        assert_eq!(part.read_bytes_at_until(0..5, b'8'), Err(()));
        assert_eq!(budget.get(), 300 - 2 - 258);
        assert_eq!(whole.read_bytes_at(0, 10).map(<[u8]>::len), Ok(10));
        for _ in 0..3 {
            whole.read_bytes_at(0, 10).unwrap();
        }
        assert_eq!(whole.read_bytes_at(0, 10), Err(()), "the budget is spent");
    }
}
