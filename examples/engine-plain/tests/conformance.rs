//! The rules for engines, each a test.

spacetime_sdk_testing::conformance!(engine "plain");
