//! What the miner expects of any engine, a test per rule: the same that
//! `spacetime-miner plugin test` looks at.

spacetime_sdk_testing::conformance!(engine "my-plugin");
