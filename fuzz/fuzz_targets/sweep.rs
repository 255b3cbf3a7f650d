#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ip2p_sweep::fuzzing::sweep(bytes));
