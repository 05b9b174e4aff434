//! What the miner expects of any strategy, a test per rule: the same that
//! `spacetime-miner plugin test` looks at. Another config is another module.

spacetime_sdk_testing::conformance!(strategy "my-plugin");

mod in_small_spans {
    spacetime_sdk_testing::conformance!(strategy "my-plugin", "(span: 1000)");
}
