#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| intertie::app::fuzzing::answers("gentrack", data));
