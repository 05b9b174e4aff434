//! The rules for strategies, each a test.

spacetime_sdk_testing::conformance!(strategy "second-half-first");
