//! What it costs to note that a thread is in a plugin, and to time it.

use std::hint::black_box;

use divan::Bencher;
use spacetime_sdk_loader::{Descriptor, bench::Called};

fn main() {
    divan::main();
}

fn called() -> Called {
    let text = |text: &str| text.to_owned();
    Called::new(&Descriptor {
        plugin: text("bench"),
        version: text("1.0.0"),
        about: String::new(),
        license: String::new(),
        abi: text("1.0.0"),
        sdk: text("1.0.0"),
        rustc: String::new(),
        target: String::new(),
        panic: text("unwind"),
        profile: String::new(),
        cpu: Vec::new(),
        components: Vec::new(),
    })
}

/// The empty call itself.
#[inline(never)]
fn foreign() -> u64 {
    black_box(7)
}

#[divan::bench(sample_size = 10_000)]
fn a_call_alone(bencher: Bencher) {
    bencher.bench(foreign);
}

#[divan::bench(sample_size = 10_000)]
fn noted(bencher: Bencher) {
    let called = called();
    bencher.bench(|| called.noted(foreign));
}

#[divan::bench(sample_size = 10_000)]
fn noted_and_timed(bencher: Bencher) {
    let called = called();
    bencher.bench(|| called.timed(foreign));
}
