//! Where each thread is: in whose code, in which call. Two relaxed stores per
//! call, in memory that a signal handler can read.

use std::{
    cell::Cell,
    sync::atomic::{
        AtomicBool, AtomicU64, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
        compiler_fence,
    },
};

use super::system;
use crate::calls::Method;

/// Threads that can be told apart. Those of a host that call plugins are a few
/// dozen; one that hangs in a plugin keeps its place.
const THREADS: usize = 1024;

/// The caller, from 1 on, and what of it: 0 is the host's own code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u64);

impl Tag {
    /// Nobody who could be blamed.
    pub(super) const NOBODY: Self = Self(0);

    /// In code of the host's that a plugin called.
    const CALLED_BACK: u64 = 1 << 63;

    /// The tag of a caller by its number in the table.
    pub(super) fn new(number: usize) -> Self {
        Self(((number as u64) + 1) << 8)
    }

    fn within(self, method: Method) -> Self {
        if self == Self::NOBODY { self } else { Self(self.0 | method as u64) }
    }

    /// The caller's number in the table, and the method.
    pub(super) fn read(self) -> Option<(usize, Method)> {
        let number = usize::try_from(self.0 >> 8).ok()?.checked_sub(1)?;
        Some((number, *Method::ALL.get((self.0 & 0xFF) as usize)?))
    }
}

/// One thread.
#[repr(align(64))]
struct Slot {
    /// The thread, as the system numbers it; 0: the place is free.
    owner: AtomicUsize,
    tag: AtomicU64,
    /// The tag outside of all calls.
    at_home: AtomicU64,
}

static SLOTS: [Slot; THREADS] = [const {
    Slot { owner: AtomicUsize::new(0), tag: AtomicU64::new(0), at_home: AtomicU64::new(0) }
}; THREADS];

/// Whether a thread ever found no place: a thread without one may be the
/// host's then.
static OVERFLOWED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// This thread's place; has no destructor, so that it can always be read.
    static SLOT: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    /// Gives the place back when the thread ends.
    static RETURN: Return = const { Return };
}

struct Return;

impl Drop for Return {
    fn drop(&mut self) {
        // In the middle of a call it is not the thread that ends: `exit` runs
        // these destructors first, and whose call it was is asked after them.
        let is_home = |slot: &&Slot| slot.tag.load(Relaxed) == slot.at_home.load(Relaxed);
        if let Some(slot) = SLOT.get().filter(is_home) {
            SLOT.set(None);
            slot.tag.store(0, Relaxed);
            slot.owner.store(0, Release);
        }
    }
}

/// Where the thread was before; it is there again when this is dropped.
#[must_use = "the thread is back at once"]
pub(crate) struct Noted {
    slot: Option<&'static Slot>,
    before: u64,
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            compiler_fence(Release);
            slot.tag.store(self.before, Relaxed);
        }
    }
}

fn note(slot: Option<&'static Slot>, tag: impl FnOnce(u64) -> u64) -> Noted {
    let before = slot.map_or(0, |slot| slot.tag.load(Relaxed));
    if let Some(slot) = slot {
        slot.tag.store(tag(before), Relaxed);
        compiler_fence(Release);
    }
    Noted { slot, before }
}

/// This thread calls foreign code.
pub(crate) fn enter(caller: Tag, method: Method) -> Noted {
    let slot = SLOT.get().or_else(|| take_slot(Tag::NOBODY));
    note(slot, |_| caller.within(method).0)
}

/// This thread runs the host's code again, for a plugin. One without a place
/// is not the host's: it is the plugin's from now on.
pub(crate) fn leave(owner: Tag) -> Noted {
    let slot = SLOT.get().or_else(|| {
        system::give_signal_stack();
        take_slot(owner.within(Method::Thread))
    });
    note(slot, |before| before | Tag::CALLED_BACK)
}

#[cold]
fn take_slot(at_home: Tag) -> Option<&'static Slot> {
    // Not on a thread whose end has begun: the place would never be returned.
    RETURN.try_with(|_| ()).ok()?;
    let me = system::thread();
    let free = |slot: &&Slot| slot.owner.compare_exchange(0, me, Acquire, Relaxed).is_ok();
    let found = SLOTS.iter().find(free);
    if let Some(slot) = found {
        slot.at_home.store(at_home.0, Relaxed);
        slot.tag.store(at_home.0, Relaxed);
        SLOT.set(Some(slot));
    } else {
        OVERFLOWED.store(true, Relaxed);
    }
    found
}

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// In a plugin's code.
    Plugin(Tag),
    /// In the host's code, on a thread that has called plugins or is called by
    /// one.
    Host,
    /// The thread never called a plugin, and no plugin has called the host on
    /// it. If the host has such threads, their stacks hold no plugin's code.
    Stranger,
    /// There were too many threads to tell.
    Unknown,
}

/// Where this thread is; for signal handlers, which thread-locals are not for.
pub(super) fn whereabouts() -> Whereabouts {
    let me = system::thread();
    let slot = SLOTS.iter().find(|slot| slot.owner.load(Relaxed) == me);
    match slot.map(|slot| slot.tag.load(Relaxed)) {
        Some(tag) if tag != 0 && tag & Tag::CALLED_BACK == 0 => Whereabouts::Plugin(Tag(tag)),
        Some(_) => Whereabouts::Host,
        None if OVERFLOWED.load(Relaxed) => Whereabouts::Unknown,
        None => Whereabouts::Stranger,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_where_it_last_went() {
        std::thread::spawn(|| {
            let (outer, inner) = (Tag::new(3), Tag::new(4));
            assert_eq!(whereabouts(), Whereabouts::Stranger);
            {
                let _outer = enter(outer, Method::Plan);
                assert_eq!(whereabouts(), Whereabouts::Plugin(outer.within(Method::Plan)));
                {
                    let _back = leave(outer);
                    assert_eq!(whereabouts(), Whereabouts::Host);
                    let _inner = enter(inner, Method::Drop);
                    assert_eq!(whereabouts(), Whereabouts::Plugin(inner.within(Method::Drop)));
                }
                assert_eq!(whereabouts(), Whereabouts::Plugin(outer.within(Method::Plan)));
            }
            assert_eq!(whereabouts(), Whereabouts::Host);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_thread_that_calls_the_host_first_is_the_plugins_from_then_on() {
        std::thread::spawn(|| {
            let owner = Tag::new(5);
            drop(leave(owner));
            assert_eq!(whereabouts(), Whereabouts::Plugin(owner.within(Method::Thread)));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn places_are_returned() {
        for _ in 0..2 * THREADS {
            let noted = std::thread::spawn(|| enter(Tag::new(1), Method::Scan).slot.is_some());
            assert!(noted.join().unwrap());
        }
    }

    #[test]
    fn tags_say_who_and_what() {
        assert_eq!(Tag::new(7).within(Method::Ask).read(), Some((7, Method::Ask)));
        assert_eq!(Tag::NOBODY.within(Method::Ask), Tag::NOBODY);
        assert_eq!(Tag::NOBODY.read(), None);
    }
}
