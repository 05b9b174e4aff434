//! Writes a record: lines at the end of a file, which becomes the older half
//! when it has half of the size that the record may have.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{
    entry::{Entry, Line, PlotList, Run},
    older,
};
use crate::durable;

/// Why something is not in the record.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The file cannot be opened or written.
    #[error("cannot write {file}: {error}")]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process writes it.
    #[error("{0} is written by another process")]
    InUse(PathBuf),
    /// It does not fit.
    #[error(
        "a challenge with its plots takes {bytes} bytes, more than half of the limit of {file}"
    )]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// What it takes.
        bytes: u64,
    },
}

/// Writes a record.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    /// What a file may have.
    half: u64,
    file: File,
    size: u64,
    run: Run,
    /// The plots that the file's end is about; none: it says nothing of this
    /// run yet.
    plots: Option<PlotList>,
}

impl Writer {
    /// Goes on with a record, or begins one, for a run. It takes at most
    /// `limit` bytes, in two files.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub fn open(path: &Path, limit: u64, run: Run) -> Result<Self, WriteError> {
        let half = limit / 2;
        // A limit may have become lower.
        if fs::metadata(older(path)).is_ok_and(|older| older.len() > half) {
            durable::remove(&older(path)).map_err(|error| failed(path, error))?;
        }
        fs::create_dir_all(durable::folder_of(path)).map_err(|error| failed(path, error))?;
        let (mut file, size) = open(path)?;
        let ends_well = ends_well(&mut file, size).map_err(|error| failed(path, error))?;
        let mut writer = Self { path: path.to_owned(), half, file, size, run, plots: None };
        if !ends_well {
            // What a power cut left stays a line of its own.
            writer.write("\n")?;
        }
        Ok(writer)
    }

    /// Adds a challenge.
    ///
    /// # Errors
    ///
    /// See [`WriteError`]; then the file is as it was.
    pub fn add(&mut self, entry: Entry, plots: &PlotList) -> Result<(), WriteError> {
        let line = text(&Line::Challenge(Box::new(entry)));
        let mut lines = format!("{}{line}", self.head(plots));
        if self.size > 0 && self.size + lines.len() as u64 > self.half {
            self.turn()?;
            lines = format!("{}{line}", self.head(plots));
        }
        let bytes = lines.len() as u64;
        if bytes > self.half {
            return Err(WriteError::TooLarge { file: self.path.clone(), bytes });
        }
        self.write(&lines)?;
        self.plots = Some(plots.clone());
        Ok(())
    }

    /// What must stand before a challenge of these plots.
    fn head(&self, plots: &PlotList) -> String {
        let of_plots = || {
            let plots = plots.iter().map(|plot| (plot.id, plot.leaf_count, plot.drive)).collect();
            text(&Line::Plots { plots })
        };
        match &self.plots {
            None => text(&Line::Run(self.run.clone())) + &of_plots(),
            Some(written) if written == plots => String::new(),
            Some(_) => of_plots(),
        }
    }

    /// The file becomes the older one.
    fn turn(&mut self) -> Result<(), WriteError> {
        let older = older(&self.path);
        let turned = match self.size > self.half {
            true => fs::remove_file(&self.path),
            false => fs::rename(&self.path, older),
        };
        turned.map_err(|error| failed(&self.path, error))?;
        (self.file, self.size) = open(&self.path)?;
        self.plots = None;
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), WriteError> {
        match self.file.write_all(text.as_bytes()) {
            Ok(()) => {
                self.size += text.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would spoil the next one. If this fails too, it
                // is left out when the record is read.
                let _ = self.file.set_len(self.size);
                Err(failed(&self.path, error))
            }
        }
    }
}

fn text(line: &Line) -> String {
    // Only maps with keys that are no text cannot be written.
    let text = serde_json::to_string(line).unwrap_or_default();
    text + "\n"
}

/// Opens a file for this process alone; it, and its size.
fn open(path: &Path) -> Result<(File, u64), WriteError> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    let file = options.open(path).map_err(|error| failed(path, error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(WriteError::InUse(path.to_owned())),
        // Some file systems have no locks.
        Err(TryLockError::Error(_)) => {}
    }
    let size = file.metadata().map_err(|error| failed(path, error))?.len();
    Ok((file, size))
}

fn ends_well(file: &mut File, size: u64) -> io::Result<bool> {
    if size == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn failed(path: &Path, error: io::Error) -> WriteError {
    WriteError::Io { file: path.to_owned(), error }
}
