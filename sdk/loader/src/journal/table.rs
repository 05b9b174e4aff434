//! Who there is to blame, and where their code lies, in memory that a signal
//! handler can read: nothing in it is ever freed or moved.

use std::sync::atomic::{
    AtomicPtr, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use super::{Culprit, crumbs::Tag, system};

/// Callers that can be told apart in one process.
const CALLERS: usize = 512;

/// Stretches of code.
const STRETCHES: usize = 1024;

/// What is written of a caller when it is to blame.
pub(super) struct Texts {
    /// For people.
    pub(super) name: String,
    /// For the journal: a [`Culprit`] as JSON.
    pub(super) json: String,
}

static TEXTS: [AtomicPtr<Texts>; CALLERS] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; CALLERS];
static CALLERS_TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Takes a caller in. With too many of them, nobody is blamed for the last.
pub(crate) fn register(culprit: &Culprit) -> Tag {
    let json = serde_json::to_string(culprit).unwrap_or_else(|_| "null".to_owned());
    let texts = Box::leak(Box::new(Texts { name: culprit.to_string(), json }));
    let number = CALLERS_TAKEN.fetch_add(1, Relaxed);
    let Some(place) = TEXTS.get(number) else {
        CALLERS_TAKEN.store(CALLERS, Relaxed);
        return Tag::NOBODY;
    };
    place.store(texts, Release);
    Tag::new(number)
}

/// What is written of a caller.
#[allow(unsafe_code, reason = "nothing else can be read in a signal handler")]
pub(super) fn texts(number: usize) -> Option<&'static Texts> {
    let texts = TEXTS.get(number)?.load(Acquire);
    // SAFETY: it is null, or was leaked by `register` and is never written again.
    unsafe { texts.as_ref() }
}

/// Addresses of a library's code, and whose it is.
struct Stretch {
    start: AtomicUsize,
    end: AtomicUsize,
    owner: AtomicUsize,
}

static STRETCHES_OF_CODE: [Stretch; STRETCHES] = [const {
    Stretch { start: AtomicUsize::new(0), end: AtomicUsize::new(0), owner: AtomicUsize::new(0) }
}; STRETCHES];
static STRETCHES_TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Loads something, and notes whose the code is that has come with it, that of
/// libraries that it needs included.
pub(crate) fn with_its_code<R>(owner: Tag, load: impl FnOnce() -> R) -> R {
    let before = system::code();
    let loaded = load();
    let Some((owner, _)) = owner.read() else { return loaded };
    for (start, end) in system::code().into_iter().filter(|code| !before.contains(code)) {
        let Some(stretch) = STRETCHES_OF_CODE.get(STRETCHES_TAKEN.fetch_add(1, Relaxed)) else {
            STRETCHES_TAKEN.store(STRETCHES, Relaxed);
            break;
        };
        stretch.owner.store(owner, Relaxed);
        stretch.start.store(start, Relaxed);
        // Last, as it makes the stretch hold something.
        stretch.end.store(end, Release);
    }
    loaded
}

/// Whose code lies at an address.
pub(super) fn owner_of_code(address: usize) -> Option<usize> {
    let holds = |stretch: &&Stretch| {
        address < stretch.end.load(Acquire) && address >= stretch.start.load(Relaxed)
    };
    STRETCHES_OF_CODE.iter().find(holds).map(|stretch| stretch.owner.load(Relaxed))
}
