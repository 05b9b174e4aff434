//! Reads one plot along its plan, gathers leaves into buffers, and hands them
//! to the hashing workers.

use std::sync::Arc;

use crossbeam_channel::Sender;
use spacetime_protocol::Leaf;
use spacetime_sdk_loader::abi::Span;

use super::{
    LeafSource, ReadError,
    buffer::{BUFFER_BYTES, Buffer, Buffers},
    job::ScanJob,
    planner::Planner,
};

const BUFFER_LEAVES: u64 = (BUFFER_BYTES / Leaf::SIZE) as u64;

/// A full buffer on its way to a worker.
pub(super) struct Filled {
    pub(super) job: Arc<ScanJob>,
    pub(super) plot: usize,
    pub(super) number: u64,
    pub(super) buffer: Buffer,
    pub(super) leaves: u64,
    pub(super) spans: Vec<(u64, u64)>,
}

/// Scans one plot for a job; returns when it is read, has failed, or the job
/// is over. Hashing may still be under way then.
pub(super) fn read_plot(
    job: &Arc<ScanJob>,
    plot: usize,
    planner: &Planner,
    scan_rate: u64,
    buffers: &Buffers,
    filled: &Sender<Filled>,
) {
    let mut reader = Reader {
        job,
        plot,
        buffers,
        filled,
        number: 0,
        current: None,
        left: job.spec().leaves_per_plot.unwrap_or(u64::MAX),
    };
    let mut failure = None;
    planner.visit(job, plot, scan_rate, |span| match reader.add(span) {
        Ok(more) => more,
        Err(error) => {
            failure = Some(error);
            false
        }
    });
    reader.send();
    if let Some(error) = failure {
        job.report().plot_failed(job, plot, &error);
    }
    job.close_one();
}

struct Reader<'a> {
    job: &'a Arc<ScanJob>,
    plot: usize,
    buffers: &'a Buffers,
    filled: &'a Sender<Filled>,
    number: u64,
    current: Option<Current>,
    /// What is left of the plot's own limit, in leaves.
    left: u64,
}

/// The buffer being filled.
struct Current {
    buffer: Buffer,
    leaves: u64,
    spans: Vec<(u64, u64)>,
}

impl Reader<'_> {
    /// Reads a span; whether the plan shall go on.
    fn add(&mut self, span: Span) -> Result<bool, ReadError> {
        let (mut first, mut rest) = (span.start, span.len);
        while rest > 0 {
            if self.left == 0 || !self.job.wants(self.plot, self.number) {
                return Ok(false);
            }
            let Some(mut current) = self.take_current() else { return Ok(false) };
            let fit = rest.min(BUFFER_LEAVES - current.leaves).min(self.left);
            let len = self.job.take_budget(fit);
            if len == 0 {
                self.current = Some(current);
                return Ok(false);
            }
            let at = current.leaves as usize * Leaf::SIZE;
            let out = &mut current.buffer.bytes_mut()[at..at + len as usize * Leaf::SIZE];
            let read = self.source().read(first, out);
            if read.is_ok() {
                current.spans.push((first, len));
                current.leaves += len;
            }
            let full = current.leaves == BUFFER_LEAVES;
            self.current = Some(current);
            read?;
            if full {
                self.send();
            }
            self.left -= len;
            (first, rest) = (first + len, rest - len);
        }
        Ok(true)
    }

    fn source(&self) -> &dyn LeafSource {
        &*self.job.plots()[self.plot]
    }

    fn take_current(&mut self) -> Option<Current> {
        if let Some(current) = self.current.take() {
            return Some(current);
        }
        let buffer = self.buffers.take(|| self.job.is_over())?;
        Some(Current { buffer, leaves: 0, spans: Vec::new() })
    }

    /// Sends what has been gathered.
    fn send(&mut self) {
        let Some(current) = self.current.take().filter(|current| current.leaves > 0) else {
            return;
        };
        self.job.open_one();
        let filled = Filled {
            job: self.job.clone(),
            plot: self.plot,
            number: self.number,
            buffer: current.buffer,
            leaves: current.leaves,
            spans: current.spans,
        };
        self.number += 1;
        // The channel holds all buffers there are, so this does not wait. The
        // workers end only with the scanner.
        if self.filled.send(filled).is_err() {
            self.job.close_one();
        }
    }
}
