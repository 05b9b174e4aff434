//! What components of every kind must not do, done by strategies.

use std::{
    collections::BTreeMap,
    fmt, process,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use spacetime_sdk::{Error, Job, Plan, Plot, Result, Schema, Spans, Strategy, tracing};

use crate::strategy::{Honest, like_the_honest};

/// Leaves of the plot at which something happens.
const CERTAIN: u64 = 10_000;

pub(crate) struct Closed(Honest);

impl Strategy for Closed {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Err(Error::new("there is no such device"))
    }

    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        self.0.begin(job, plot)
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        self.0.plan(spans)
    }
}

like_the_honest! { plan Aborting {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        if plot.leaf_count == CERTAIN {
            process::abort();
        }
        self.0.begin(job, plot)
    }
} }

like_the_honest! { begin plan Hanging {
    fn estimate(&mut self, plot: &Plot) -> Result<u64> {
        if plot.leaf_count == CERTAIN {
            loop {
                thread::park();
            }
        }
        Ok(plot.leaf_count)
    }
} }

like_the_honest! { begin Stuck {
    fn plan(&mut self, _: &mut Spans<'_>) -> Result<Plan> {
        loop {
            thread::park();
        }
    }
} }

like_the_honest! { begin Slow {
    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        // Being slow is the violation; nothing waits by it.
        thread::sleep(Duration::from_secs(2));
        self.0.plan(spans)
    }
} }

like_the_honest! { plan Panicking {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        let leaves = plot.leaf_count;
        // Its panic is what is wanted; the join's result says no more.
        let _ = thread::spawn(move || assert!(leaves != CERTAIN, "not 10,000 leaves")).join();
        self.0.begin(job, plot)
    }
} }

like_the_honest! { begin Tripping {
    fn plan(&mut self, _: &mut Spans<'_>) -> Result<Plan> {
        panic!("it trips over {} leaves", self.0.end)
    }
} }

like_the_honest! { plan Printing {
    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        println!("begins a plot of {} leaves", plot.leaf_count);
        self.0.begin(job, plot)
    }
} }

/// A config of any fields with numbers.
#[derive(Schema)]
#[schema(any)]
pub(crate) struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Anything;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("fields")
            }

            fn visit_unit<E>(self) -> std::result::Result<Anything, E> {
                Ok(Anything)
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Anything, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((field, value)) = map.next_entry::<String, u64>()? {
                    fields.insert(field, value);
                }
                Ok(Anything)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A config that is surprised by a list.
#[derive(Schema)]
#[schema(any)]
pub(crate) struct NoList;

impl<'de> Deserialize<'de> for NoList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Surprise;
        impl<'de> Visitor<'de> for Surprise {
            type Value = NoList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("nothing")
            }

            fn visit_unit<E>(self) -> std::result::Result<NoList, E> {
                Ok(NoList)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> std::result::Result<NoList, A::Error> {
                panic!("a list is no config")
            }
        }
        deserializer.deserialize_any(Surprise)
    }
}

/// A strategy that is honest but for its config and its opening.
macro_rules! opened {
    ($name:ident, $config:ty, $open:expr) => {
        pub(crate) struct $name(Honest);

        impl Strategy for $name {
            type Config = $config;

            fn open(config: $config) -> Result<Self> {
                let open: fn($config) -> Result<()> = $open;
                open(config)?;
                Ok(Self(Honest::default()))
            }

            fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
                self.0.begin(job, plot)
            }

            fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
                self.0.plan(spans)
            }
        }
    };
}

opened!(TakingAnything, Anything, |_| Ok(()));
opened!(Surprised, NoList, |_| Ok(()));

opened!(WorkingOn, (), |()| {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        thread::spawn(|| {
            loop {
                // Working on is the violation; nothing waits by it.
                thread::sleep(Duration::from_millis(20));
                tracing::info!("still there");
            }
        });
    });
    Ok(())
});

opened!(Falling, (), |()| Ok(()));

impl Drop for Falling {
    fn drop(&mut self) {
        // A second panic would end the process, which is another rule's.
        assert!(thread::panicking(), "it falls when it is dropped");
    }
}

opened!(Littering, (), |()| {
    Box::leak(vec![1_u8; 256 << 10].into_boxed_slice());
    Ok(())
});

#[derive(Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Steps {
    step: u64,
}

impl Default for Steps {
    fn default() -> Self {
        Self { step: 64 }
    }
}

#[derive(Deserialize, Schema)]
pub(crate) struct Ordered {
    #[serde(default)]
    #[schema(default = sideways)]
    order: Order,
}

#[derive(Default, Deserialize, Schema)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Forwards,
    Backwards,
}

opened!(MisleadingDefault, Ordered, |config| {
    match config.order {
        Order::Forwards => Ok(()),
        Order::Backwards => Err(Error::field("order", "must be forwards for now")),
    }
});

pub(crate) struct TakingZero(Honest, u64);

impl Strategy for TakingZero {
    type Config = Steps;

    fn open(config: Steps) -> Result<Self> {
        Ok(Self(Honest::default(), config.step))
    }

    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        spacetime_sdk::count("steps", plot.leaf_count / self.1);
        self.0.begin(job, plot)
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        self.0.plan(spans)
    }
}

/// A config that nobody can do without.
#[derive(Deserialize, Schema)]
pub(crate) struct Needed {
    /// Every how many leaves one would be looked at.
    #[schema(min = 1)]
    step: u64,
}

opened!(Needing, Needed, |config| {
    spacetime_sdk::count("steps", config.step);
    Ok(())
});

/// Whether there is an instance.
static TAKEN: AtomicBool = AtomicBool::new(false);

pub(crate) struct Alone(Honest);

impl Strategy for Alone {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        match TAKEN.swap(true, Ordering::AcqRel) {
            true => Err(Error::new("the device is in use")),
            false => Ok(Self(Honest::default())),
        }
    }

    fn begin(&mut self, job: &Job, plot: &Plot) -> Result<()> {
        self.0.begin(job, plot)
    }

    fn plan(&mut self, spans: &mut Spans<'_>) -> Result<Plan> {
        self.0.plan(spans)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}
