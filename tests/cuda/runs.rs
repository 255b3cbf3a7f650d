//! Whole runs: memory policies, batches, precisions, GPUs, streams.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::common::files_of;
use super::place::{Place, Ran};
use super::stand_in::stand_in;

/// The images of the cells.
fn images(ran: &Ran) -> BTreeMap<PathBuf, Vec<u8>> {
    files_of(&ran.out.join("cells"))
}

#[test]
fn every_policy_and_precision_ends_with_all_cells_and_nothing_left_on_the_device() {
    let Some(stand_in) = stand_in() else { return };
    for precision in ["float32", "float16"] {
        let place = Place::new(stand_in, precision);
        for memory in ["resident", "phased"] {
            for batch in ["1", "3", "\"auto\""] {
                let runtime = format!("device = \"cuda\"\nmemory = \"{memory}\"\nbatch = {batch}");
                let ran = place.run(&runtime, &[]);
                let case = format!("{precision} {memory} {batch}: {}", ran.told);
                assert_eq!(ran.column("device"), ["cuda:0"; 8], "{case}");
                // Nobody computed the numbers: they may be anything, if only they are there.
                let is_fine =
                    |error: &String| error.is_empty() || error.contains("NaN or infinite");
                assert!(ran.column("error").iter().all(is_fine), "{case}");
                let done = ran
                    .column("status")
                    .iter()
                    .filter(|status| *status == "done")
                    .count();
                assert_eq!(images(&ran).len(), done, "{case}");
                assert!(ran.report.kernels > 0, "{case}");
                ran.report.assert_all_is_freed();
            }
        }
    }
}

#[test]
fn a_gpu_is_the_one_that_cuda_means_whatever_the_management_library_counts() {
    let Some(stand_in) = stand_in() else { return };
    let place = Place::new(stand_in, "float32");
    // The fastest is the last on the bus.
    for (device, visible, on_the_bus) in [
        ("cuda:0", None, 1),
        ("cuda:1", None, 0),
        ("cuda:0", Some(("CUDA_VISIBLE_DEVICES", "1")), 0),
    ] {
        let settings: Vec<_> = visible.into_iter().collect();
        let ran = place.run(&format!("device = \"{device}\""), &settings);
        assert_eq!(ran.code, 0, "{}", ran.told);
        let peaks: Vec<u64> = ran
            .report
            .devices
            .iter()
            .map(|usage| usage.peak_bytes)
            .collect();
        // ONNX Runtime looks whether it can allocate on the first one: a byte.
        assert!(
            peaks[on_the_bus] > 1 << 20 && peaks[1 - on_the_bus] <= 1,
            "{peaks:?}"
        );
        assert_eq!(ran.column("vram_device_source"), ["nvml-process"; 8]);
        let used: Vec<f64> = ran
            .column("vram_device_mib")
            .iter()
            .map(|mib| mib.parse().unwrap())
            .collect();
        assert!(used.iter().all(|&mib| mib > 0.0), "{used:?}");
        // Journals begin with the environment that their cells were computed in.
        let journal = std::fs::read_to_string(ran.out.join("journal.jsonl")).unwrap();
        let begin = journal.lines().next().unwrap();
        assert!(
            begin.contains(&format!("Stand-in at place {on_the_bus}")),
            "{begin}"
        );
    }
}

#[test]
fn a_gpu_that_is_not_there_is_refused() {
    let Some(stand_in) = stand_in() else { return };
    let ran = Place::new(stand_in, "float32").run("device = \"cuda:2\"", &[]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.told
            .contains("there is no GPU cuda:2; this machine has 2"),
        "{}",
        ran.told
    );
}

#[test]
fn streams_that_run_late_or_at_once_give_the_same_images() {
    let Some(stand_in) = stand_in() else { return };
    let place = Place::new(stand_in, "float32");
    let late = place.run("device = \"cuda\"", &[]);
    let eager = place.run("device = \"cuda\"", &[("STAND_IN_EAGER", "1")]);
    assert_eq!(
        (late.code, eager.code),
        (0, 0),
        "{} {}",
        late.told,
        eager.told
    );
    assert_eq!(images(&late), images(&eager));
}

#[test]
fn what_cudnn_cannot_do_fails_the_cells_in_one_short_line_and_the_probe_believes_nothing() {
    let Some(stand_in) = stand_in() else { return };
    let place = Place::new(stand_in, "float32");
    let ran = place.run("device = \"cuda\"", &[("STAND_IN_CUDNN", "fail")]);
    assert_ne!(ran.code, 0, "{}", ran.told);
    assert!(!ran.told.contains("UNet rows a call"), "{}", ran.told);
    for error in ran.column("error") {
        assert!(
            !error.is_empty() && error.len() < 400 && !error.contains('{'),
            "{error}"
        );
    }
}
