//! The policy `empty`: blocks without transactions.

#![deny(unsafe_code)]

use spacetime_sdk::{BlockContext, Candidate, Policy, Result, Selection};

struct Empty;

impl Policy for Empty {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Ok(Self)
    }

    fn select(&mut self, _block: &BlockContext, _candidates: &[Candidate]) -> Result<Selection> {
        Ok(Selection::Include(Vec::new()))
    }
}

spacetime_sdk::export_plugin! {
    policy "empty": Empty, "Blocks without transactions";
}
