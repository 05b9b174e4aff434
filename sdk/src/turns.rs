//! The turns that the plots of a job get.

use spacetime_sdk_abi::{Arrangement, Turn};

use crate::job::Plot;

/// Whose order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrange {
    /// The host's: all plots, as listed. Turns that were pushed do not count.
    AsListed,
    /// The strategy's: the plots that have a turn, in the order of their turns.
    Chosen,
}

/// The host's buffer for the turns of [`Strategy::arrange`](crate::Strategy::arrange):
/// one for each plot at the most.
pub struct Turns<'a> {
    buffer: &'a mut [Turn],
    written: usize,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(buffer: &'a mut [Turn]) -> Self {
        Self { buffer, written: 0 }
    }

    /// Gives a plot its turn: at most so many of its leaves are scanned,
    /// whatever is planned for it. None, if they are no leaves, or if there
    /// have been as many turns as there are plots. The host refuses a second
    /// turn of a plot.
    pub fn push(&mut self, plot: &Plot, leaves: u64) {
        if leaves == 0 {
            return;
        }
        if let Some(slot) = self.buffer.get_mut(self.written) {
            *slot = Turn { plot: plot.index, leaves, reserved: [0; 2] };
            self.written += 1;
        }
    }

    pub(crate) fn arrangement(&self, arrange: Arrange) -> Arrangement {
        match arrange {
            Arrange::AsListed => Arrangement::default(),
            Arrange::Chosen => {
                Arrangement { chosen: true, written: self.written as u64, reserved: [0; 4] }
            }
        }
    }
}
