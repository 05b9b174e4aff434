//! Addresses of this machine.

use std::net::{Ipv4Addr, SocketAddr};

/// Any port of an address that nobody else of this process listens at: where
/// no miner of another test looks for a node that is gone, whose port may have
/// become somebody else's.
pub fn own() -> SocketAddr {
    (own_address(), 0).into()
}

#[cfg(target_os = "linux")]
fn own_address() -> Ipv4Addr {
    use std::sync::atomic::{AtomicU16, Ordering};

    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

/// Other systems have but one address of their own.
#[cfg(not(target_os = "linux"))]
fn own_address() -> Ipv4Addr {
    Ipv4Addr::LOCALHOST
}
