//! What a newer host may send: a request and a question that this version has
//! no variant for. For tests of receivers, which must answer `UNSUPPORTED`.

#![allow(unsafe_code, reason = "only another type can hold a variant that a type lacks")]

use abi_stable::StableAbi;

use crate::{
    events::{Request_NE, Request_Storage},
    questions::{Question_NE, Question_Storage},
};

/// Stands for an enum of a later version, of which nothing else is needed. No
/// version will ever come near this discriminant.
#[repr(u8)]
#[derive(StableAbi, Debug)]
#[sabi(kind(WithNonExhaustive(
    size = [u64; 16],
    traits(Debug, Send),
    assert_nonexhaustive = Later,
)))]
#[non_exhaustive]
enum Later {
    Unknown = 250,
}

/// A request of a kind that no version of the interface has.
pub fn request() -> Request_NE {
    const { assert!(size_of::<Request_NE>() == size_of::<Later_NE>()) };
    const { assert!(size_of::<Request_Storage>() == size_of::<Later_Storage>()) };
    // SAFETY: both are `NonExhaustive`, `#[repr(C)]`, generic only in what their storage holds, as
    // large as the other (asserted), and own what is in it with its functions. Readers look at the
    // discriminant first.
    unsafe { std::mem::transmute::<Later_NE, Request_NE>(Later_NE::new(Later::Unknown)) }
}

/// A question of a kind that no version of the interface has.
pub fn question() -> Question_NE {
    const { assert!(size_of::<Question_NE>() == size_of::<Later_NE>()) };
    const { assert!(size_of::<Question_Storage>() == size_of::<Later_Storage>()) };
    // SAFETY: as for the request.
    unsafe { std::mem::transmute::<Later_NE, Question_NE>(Later_NE::new(Later::Unknown)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_of_no_known_kind() {
        let unread = request().into_enum().unwrap_err();
        assert_eq!(format!("{:?}", unread.into_inner()), "Unknown");
        assert!(question().into_enum().is_err());
    }
}
