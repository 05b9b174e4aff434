//! Scan engines: which of these leaves has the lowest score under the bound?

use std::sync::atomic::{AtomicBool, Ordering};

use abi::abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{ROption, RResult, RSlice},
};
use serde::de::DeserializeOwned;
use spacetime_protocol::{Challenge, Score, Target};
use spacetime_sdk_abi::{self as abi, EngineObject, Fault, OpenArgs};

use crate::{config, error::Result, instance::Instance, schema::Schema};

/// Scores leaves; the host checks what it claims.
///
/// One instance serves all of the host's hashing threads at once.
pub trait Engine: Sized + Send + Sync + 'static {
    /// The component's config in the manifest; `()` when it takes none.
    type Config: DeserializeOwned + Schema;

    /// Makes an instance; check the config's values here.
    ///
    /// # Errors
    ///
    /// A sentence for the user, naming the field and its allowed values.
    fn open(config: Self::Config) -> Result<Self>;

    /// Finds the lowest score strictly under `bound` among whole leaves of 32
    /// bytes each, at its first position. `None` when there is none, or when
    /// `cancel` was seen set: look at it once per megabyte or so.
    ///
    /// # Errors
    ///
    /// The host scans the batch by its own kernels then.
    fn scan(
        &self,
        challenge: &Challenge,
        leaves: &[u8],
        bound: &Target,
        cancel: Cancel<'_>,
    ) -> Result<Option<Best>>;
}

/// The best leaf of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best {
    /// Its position in the batch, in leaves.
    pub index: u64,
    /// Its score.
    pub score: Score,
}

/// Tells whether the work at hand is still wanted.
#[derive(Clone, Copy, Debug)]
pub struct Cancel<'a>(pub(crate) &'a AtomicBool);

impl Cancel<'_> {
    /// Whether nobody waits for the result any more.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Adapter<T>(Instance<T>);

impl<T: Engine> abi::Engine for Adapter<T> {
    fn scan(
        &self,
        challenge: &[u8; 32],
        leaves: RSlice<'_, u8>,
        bound: &[u8; 32],
        cancel: &AtomicBool,
    ) -> RResult<ROption<abi::BestLeaf>, Fault> {
        let (challenge, bound) = (Challenge::new(*challenge), Target::new(*bound));
        self.0
            .call("scan", |engine| {
                engine.scan(&challenge, leaves.as_slice(), &bound, Cancel(cancel))
            })
            .map(|best| {
                best.map(|best| abi::BestLeaf {
                    index: best.index,
                    score: best.score.to_bytes(),
                    reserved: [0; 2],
                })
                .into()
            })
            .into()
    }
}

/// The factory of an engine, as a plugin module holds it.
#[doc(hidden)]
pub fn open<T: Engine>(args: &OpenArgs<'_>) -> Result<EngineObject, Fault> {
    let config = crate::guard_config(args, config::parse::<T::Config>)?;
    let instance = Instance::open(args, || T::open(config))?;
    Ok(EngineObject::from_value(Adapter(instance), TD_Opaque))
}
