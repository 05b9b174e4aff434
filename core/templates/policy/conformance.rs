//! What the miner expects of any policy, a test per rule: the same that
//! `spacetime-miner plugin test` looks at. Another config is another module.

spacetime_sdk_testing::conformance!(policy "my-plugin");

mod with_a_fee {
    spacetime_sdk_testing::conformance!(policy "my-plugin", "(min_fee: 5)");
}
