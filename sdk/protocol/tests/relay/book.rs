//! Address books as the vectors describe them: "30 addresses
//! (20+i).1.1.1:1000+i, i = 0..29, …, last seen increasing with i".

use std::net::SocketAddr;

/// The addresses in their order, the last one seen last.
pub(crate) fn described(text: &str) -> Vec<SocketAddr> {
    let parts = || {
        let (count, rest) = text.split_once(" addresses (")?;
        let (first, rest) = rest.split_once("+i).")?;
        let (rest_of_ip, rest) = rest.split_once(':')?;
        let (port, rest) = rest.split_once("+i, i = 0..")?;
        rest.ends_with("last seen increasing with i").then_some(())?;
        let numbers = (count.parse::<u16>().ok()?, first.parse::<u16>().ok()?);
        Some((numbers, rest_of_ip, port.parse::<u16>().ok()?))
    };
    let ((count, first), rest, port) = parts().unwrap_or_else(|| panic!("what book is {text:?}?"));
    let address = |i| format!("{}.{rest}:{}", first + i, port + i).parse().unwrap();
    (0..count).map(address).collect()
}
