//! The rules for policies, each a test: for a config that leaves nothing out, and
//! for one that does.

spacetime_sdk_testing::conformance!(policy "patrons");

mod with_a_fee {
    spacetime_sdk_testing::conformance!(policy "patrons", "(min_fee: 5)");
}
