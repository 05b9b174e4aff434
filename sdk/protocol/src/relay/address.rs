//! Addresses of peers: the reference's loose way of reading them, and which
//! of them are somebody's own (`wire.md` section 4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::PeerAddress;

/// Reads an exclusion of GetPeers, `address:port`. `None`: it excludes
/// nothing, which is so for every IPv6 address.
pub fn parse_exclusion(text: &str) -> Option<PeerAddress> {
    let (address, port) = text.split_once(':').filter(|(_, port)| !port.contains(':'))?;
    let address = IpAddr::V4(parse_ipv4(address)?);
    Some(PeerAddress { address, port: parse_port(port)? })
}

/// An address as the reference's platform reads it.
pub(super) fn parse_address(text: &str) -> Option<IpAddr> {
    let ipv6 = || text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    parse_ipv4(text).map(IpAddr::V4).or_else(ipv6)
}

/// A network of addresses that presumably belong to one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subnet {
    /// The /24 of an IPv4 address.
    V4([u8; 3]),
    /// The /48 of an IPv6 address; all IPv4-mapped ones share one.
    V6([u8; 6]),
}

impl Subnet {
    pub(super) fn of(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, ..] = address.octets();
                Self::V6([a, b, c, d, e, f])
            }
        }
    }
}

/// Whether an address means nothing to others: loopback and private ones.
/// Link-local IPv4, shared, multicast and IPv4-mapped private addresses are
/// not counted, as in the reference.
pub(super) fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => {
            address.is_loopback()
                || *address == Ipv4Addr::LOCALHOST.to_ipv6_mapped()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

/// 1 to 65535, with a sign and white space around it as the platform allows.
fn parse_port(text: &str) -> Option<u16> {
    let is_white = |c: char| matches!(c, '\t'..='\r' | ' ');
    // It stops at zero bytes, so they may follow.
    let text = text.trim_end_matches('\0').trim_matches(is_white);
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = is_number.then(|| digits.trim_start_matches('0').parse().ok()).flatten()?;
    (!negative && port > 0).then_some(port)
}

/// The forms that C's `inet_aton` reads: one to four numbers, decimal, octal
/// (`0…`) or hexadecimal (`0x…`), of which the last fills what is left.
fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts = text.split('.').map(parse_number).collect::<Option<Vec<_>>>()?;
    let (last, bytes) = parts.split_last().filter(|(_, bytes)| bytes.len() < 4)?;
    let mut address = 0_u32;
    for (index, byte) in bytes.iter().enumerate() {
        address |= u32::from(u8::try_from(*byte).ok()?) << (24 - 8 * index);
    }
    let left = u32::MAX >> (8 * bytes.len());
    (*last <= left).then(|| Ipv4Addr::from(address | last))
}

fn parse_number(text: &str) -> Option<u32> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &text[2..]),
        [b'0', _, ..] => (8, &text[1..]),
        _ => (10, text),
    };
    // A sign is nothing that the number's own parser must see.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_number.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}
