//! A node's address as people write it.

use std::fmt;

use spacetime_sdk::protocol::wire::DEFAULT_PORT;

/// Where a node listens: a name or a literal address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Peer {
    /// `host`, `host:port`, `address`, `address:port`, and IPv6 literals with
    /// a port in brackets. A port that is not given is `port`, or the default.
    ///
    /// # Errors
    /// What it must be, to be put behind a field's name.
    pub(crate) fn parse(text: &str, port: Option<u16>) -> Result<Self, String> {
        let default = port.unwrap_or(DEFAULT_PORT);
        let wrong = || {
            format!(
                "must be a host name or address, with a port if it is not {default} \
                 (\"example.org:8333\", \"192.0.2.1\", \"[2001:db8::1]:8333\"), not {text:?}"
            )
        };
        let (host, port) = split(text, default).ok_or_else(wrong)?;
        let is_name = |host: &str| {
            host.chars().all(|char| char.is_ascii_alphanumeric() || "-._".contains(char))
        };
        let is_address = host.parse::<std::net::IpAddr>().is_ok() || host.contains('%');
        if host.is_empty() || port == 0 || !(is_address || is_name(host)) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

fn split(text: &str, default: u16) -> Option<(&str, u16)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, port.parse().ok()?)),
            None => rest.is_empty().then_some((host, default)),
        };
    }
    match text.split_once(':') {
        None => Some((text, default)),
        // More than one colon: an IPv6 literal, without a port.
        Some((_, rest)) if rest.contains(':') => Some((text, default)),
        Some((host, port)) => Some((host, port.parse().ok()?)),
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("node.example.org", "node.example.org", 8333),
            ("node.example.org:99", "node.example.org", 99),
            ("192.0.2.1", "192.0.2.1", 8333),
            ("192.0.2.1:1", "192.0.2.1", 1),
            ("::1", "::1", 8333),
            ("[::1]", "::1", 8333),
            ("[2001:db8::1]:65535", "2001:db8::1", 65535),
        ] {
            let peer = Peer::parse(text, None).unwrap();
            assert_eq!((&*peer.host, peer.port), (host, port), "{text}");
            assert_eq!(Peer::parse(&peer.to_string(), None).unwrap(), peer);
        }
        assert_eq!(Peer::parse("localhost", Some(7)).unwrap().port, 7);
    }

    #[test]
    fn what_is_no_address_is_refused_with_examples() {
        for text in
            ["", ":1", "a:b", "a:70000", "a:0", "[::1", "[::1]x", "a b", "1:2:3", "http://a"]
        {
            let error = Peer::parse(text, None).unwrap_err();
            assert!(error.contains("example.org:8333"), "{text}: {error}");
        }
    }
}
