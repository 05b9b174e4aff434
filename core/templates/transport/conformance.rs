//! What the miner expects of any transport, a test per rule: the same that
//! `spacetime-miner plugin test` looks at. `{node}` is a server that says nothing,
//! or nonsense.

spacetime_sdk_testing::conformance!(transport "my-plugin", r#"(server: "{node}")"#);
