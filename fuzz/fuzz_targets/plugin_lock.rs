#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spacetime_fuzz::plugin_lock(data));
