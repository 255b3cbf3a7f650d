//! Devices with too little memory, and memory limits.

use super::place::Place;
use super::stand_in::stand_in;

const MIB: u64 = 1 << 20;

#[test]
fn a_limit_holds_to_the_mib() {
    let Some(stand_in) = stand_in() else { return };
    let place = Place::new(stand_in, "float32");
    for memory in ["resident", "phased", "auto"] {
        for limit in [8, 16, 48] {
            let runtime =
                format!("device = \"cuda\"\nmemory = \"{memory}\"\nmemory_limit_mib = {limit}");
            let ran = place.run(&runtime, &[]);
            let peak = ran.report.peak_bytes();
            let case = format!("{memory} {limit}: {peak} bytes, {}", ran.told);
            assert!(peak > 0 && peak <= limit * MIB, "{case}");
            ran.report.assert_all_is_freed();
        }
    }
}

#[test]
fn a_device_that_is_too_small_for_a_batch_gets_less_at_a_time_and_the_run_goes_on() {
    let Some(stand_in) = stand_in() else { return };
    let place = Place::new(stand_in, "float32");
    let runtime = "device = \"cuda\"\nmemory = \"resident\"\nbatch = 8";
    let roomy = place.run(runtime, &[]);
    assert_eq!(roomy.code, 0, "{}", roomy.told);
    let small = (roomy.report.peak_bytes() / 2 / MIB).to_string();
    let ran = place.run(runtime, &[("STAND_IN_MIB", &small)]);
    assert_eq!(ran.code, 0, "{small} MiB: {}", ran.told);
    let note =
        "out of device memory: continuing with batch 4, 12 UNet rows a call, resident memory";
    assert!(ran.told.contains(note), "{}", ran.told);
    assert_eq!(ran.column("status"), ["done"; 8]);
    ran.report.assert_all_is_freed();
}

#[test]
fn a_device_without_room_for_the_model_ends_with_the_reason() {
    let Some(stand_in) = stand_in() else { return };
    let place = Place::new(stand_in, "float32");
    let ran = place.run("device = \"cuda\"", &[("STAND_IN_MIB", "1")]);
    assert_eq!(ran.code, 1, "{}", ran.told);
    let reason =
        "out of device memory with one cell and one component at a time: vae_encoder failed";
    let remedy = "lower size.resolution, use an fp16 model, or set device = \"cpu\"";
    for error in ran.column("error") {
        assert!(
            error.starts_with(reason) && error.ends_with(remedy),
            "{error}"
        );
    }
    ran.report.assert_all_is_freed();
}
