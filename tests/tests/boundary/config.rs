//! A component's config: from the manifest's text into the author's type, or
//! an error that says where.

use spacetime_sdk_loader::{Fault, OpenRequest, Strategy, abi::FaultCode};
use spacetime_tests::{
    artifacts::plugin,
    plugins::{load, open_strategy, request, spans},
};

fn sampling_fault(config: &str) -> Fault {
    let library = load(&plugin("spacetime-strategy-sampling"));
    let text = OpenRequest { config_line: 12, config_column: 33, ..request("sampling", config) };
    Strategy::open(&library, &text).err().expect("a bad config is refused")
}

fn place(fault: &Fault) -> (&str, u32, u32) {
    (&fault.field, fault.line, fault.column)
}

#[test]
fn a_config_has_an_effect_and_a_default() {
    let library = load(&plugin("spacetime-strategy-sampling"));
    let count = |config, leaves| {
        let mut strategy = open_strategy(&library, "sampling", config).unwrap();
        spans(&mut strategy, leaves).unwrap().len()
    };
    assert_eq!(count("(sample_size: 7)", 100), 7);
    assert_eq!(count("()", 100_000), 10_000);
}

#[test]
fn an_unknown_field_is_named_with_its_place_in_the_manifest() {
    let fault = sampling_fault("(\n  sample_size: 7,\n  sampel: 8,\n)");
    assert_eq!(fault.code, FaultCode::CONFIG);
    assert_eq!(place(&fault), ("sampel", 14, 3));
    assert_eq!(fault.message, "Unexpected field named `sampel`; did you mean `sample_size`?");
}

#[test]
fn an_ill_typed_field_is_named_with_its_place_in_the_manifest() {
    let fault = sampling_fault("(\n  sample_size: \"many\",\n)");
    assert_eq!(fault.code, FaultCode::CONFIG);
    assert_eq!((fault.field.as_str(), fault.line), ("sample_size", 13));
}

#[test]
fn columns_count_from_where_the_config_begins() {
    let fault = sampling_fault("(sampel: 8)");
    assert_eq!(place(&fault), ("sampel", 12, 34));
}

#[test]
fn a_value_out_of_bounds_is_named_with_its_place_too() {
    let fault = sampling_fault("(\n\n  sample_size: 0)");
    assert_eq!(fault.code, FaultCode::CONFIG);
    assert_eq!(place(&fault), ("sample_size", 14, 3));
    assert_eq!(fault.message, "sample_size must be between 1 and 2147483647, not 0");
}

#[test]
fn a_value_that_the_author_refuses_is_named_with_its_place_too() {
    let library = load(&plugin("spacetime-strategy-cache-friendly"));
    let config = "(\n  block_size: 8,\n  leaves_per_block: 9)";
    let fault = open_strategy(&library, "cache-friendly", config).err().unwrap();
    assert_eq!(fault.code, FaultCode::CONFIG);
    assert_eq!(place(&fault), ("leaves_per_block", 3, 3));
    assert_eq!(fault.message, "leaves_per_block must be between 1 and block_size, 8");
}

#[test]
fn a_component_without_a_config_takes_none() {
    let library = load(&plugin("spacetime-strategy-full"));
    open_strategy(&library, "full", "()").unwrap();
    let fault = open_strategy(&library, "full", "(step: 3)").err().unwrap();
    assert_eq!(fault.code, FaultCode::CONFIG);
}

#[test]
fn the_manifests_extensions_reach_the_config() {
    let library = load(&plugin("spacetime-misbehaving"));
    let unwrapped = "(fail: (after: 3))";
    open_strategy(&library, "misbehaving", unwrapped).unwrap();
    // `implicit_some` changes what a bare value may stand for.
    let library = load(&plugin("spacetime-policy-fee-priority"));
    let config = "(max_transactions: 3)";
    let bare = request("fee-priority", config);
    assert!(spacetime_sdk_loader::Policy::open(&library, &bare).is_err());
    let extended = OpenRequest { ron_extensions: 2, ..bare };
    spacetime_sdk_loader::Policy::open(&library, &extended).unwrap();
}

#[test]
fn an_unknown_component_is_named() {
    let library = load(&plugin("spacetime-strategy-full"));
    let fault = open_strategy(&library, "fuller", "()").err().unwrap();
    assert_eq!(fault.code, FaultCode::UNKNOWN_COMPONENT);
    assert!(fault.message.contains("fuller"), "{fault}");
}

#[test]
fn a_panic_while_a_config_is_read_is_an_error() {
    let library = load(&plugin("spacetime-misbehaving"));
    let config = "(fail: (panic_while_reading: true))";
    let fault = open_strategy(&library, "misbehaving", config).err().unwrap();
    assert_eq!(fault.code, FaultCode::PANICKED);
}
