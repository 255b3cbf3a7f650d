//! Whole runs: memory policies, batches, precisions, GPUs, streams.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::common::{files_of, golden};
use super::place::{Copies, Place, Ran};
use super::stand_in::stand_in;

/// The images of a run's cells.
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
                // The stand-in computes nothing, so any values will do as long as they exist.
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
    // The fastest GPU is the last on the bus.
    for (device, setting, on_the_bus) in [
        ("cuda:0", None, 1),
        ("cuda:1", None, 0),
        ("cuda:0", Some(("CUDA_VISIBLE_DEVICES", "1")), 0),
        // Slices have their own names; if both libraries know no common name, the bus location decides.
        ("cuda:0", Some(("STAND_IN_NVML", "mig")), 1),
        ("cuda:1", Some(("STAND_IN_NVML", "place")), 0),
    ] {
        let settings: Vec<_> = setting.into_iter().collect();
        let ran = place.run(&format!("device = \"{device}\""), &settings);
        assert_eq!(ran.code, 0, "{}", ran.told);
        let peaks: Vec<u64> = ran
            .report
            .devices
            .iter()
            .map(|usage| usage.peak_bytes)
            .collect();
        // ONNX Runtime allocates a byte on the first GPU, as a test.
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
        // Journals begin with the environment in which their cells were computed.
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

#[test]
fn the_vae_decoder_alone_computes_in_tf32_unless_it_is_told_not_to() {
    let Some(stand_in) = stand_in() else { return };
    let place = Place::new(stand_in, "float32");
    let products = |runtime: &str| {
        let ran = place.run(&format!("device = \"cuda\"\n{runtime}"), &[]);
        assert_eq!(ran.code, 0, "{}", ran.told);
        let journal = std::fs::read_to_string(ran.out.join("journal.jsonl")).unwrap();
        let is_told = journal.contains("TF32 in the VAE decoder");
        (ran.report.in_tf32, is_told)
    };
    // Six products of the attention in the middle block, for eight cells and for one probe.
    assert_eq!(products(""), (6 * 9, true));
    assert_eq!(products("tf32 = false"), (0, false));
}

/// Latents with this side, and the largest number of their rows with fewer than 2^31 scores in the four heads of the
/// golden model's first level.
const LARGE: (usize, usize) = (96, 6);

#[test]
fn a_call_has_as_many_rows_as_the_device_has_room_for_and_its_kernels_can_count() {
    let Some(stand_in) = stand_in() else { return };
    let place = Place::new(stand_in, "float32");
    let rows_told = |size: &str, mib: &str| -> Option<usize> {
        let settings = [("STAND_IN_POISON", ""), ("STAND_IN_MIB", mib)];
        let ran = place.run_at(size, "device = \"cuda\"\nmemory = \"resident\"", &settings);
        assert_eq!(ran.column("status").len(), 8, "{}", ran.told);
        let (_, rest) = ran.told.split_once("note: up to ")?;
        rest.split_once(" UNet rows a call")?.0.parse().ok()
    };
    // Eight cells ask for 20 rows a step, more than the four that are taken without a probe.
    assert_eq!(rows_told("", "8192"), Some(64));
    let (side, most) = LARGE;
    let pixels = side * side;
    assert!(most * 4 * pixels * pixels < 1 << 31 && (most + 1) * 4 * pixels * pixels >= 1 << 31);
    let side = side * 4;
    let size = format!("[size]\nfit = \"exact\"\nwidth = {side}\nheight = {side}");
    assert_eq!(rows_told(&size, "262144"), Some(most));
}

#[test]
fn guidance_in_a_part_of_the_steps_saves_calls_and_few_rows_are_padded() {
    let Some(stand_in) = stand_in() else { return };
    let place = Place::new(stand_in, "float32");
    let sweep = |interval: &str| {
        format!(
            "guidance_scale = [3.0, 5.0, 7.0, 9.0, 11.0]\nimage_guidance_scale = [1.0, 1.2, 1.5, 1.8, 2.1]\n\
             seed = [1, 2, 3, 4]\nnum_inference_steps = 20\n{interval}"
        )
    };
    // The UNet's calls and their rows by what comes back, beside the rows that steps asked for.
    let counted = |interval: &str| {
        let runtime = "device = \"cuda\"\nmemory = \"resident\"";
        let ran = place.run_sweep(&sweep(interval), runtime, &[]);
        assert_eq!(ran.column("status").len(), 100, "{}", ran.told);
        let Copies { count, bytes } = ran.report.to_host;
        let others = Others::new(100);
        let (numbers, row) = (bytes / 4 - others.numbers, 4 * 12 * 16);
        assert_eq!(numbers % row, 0, "{numbers}");
        let mut steps = csv::Reader::from_path(ran.out.join("steps.csv")).unwrap();
        let names = steps.headers().unwrap();
        let at = names.iter().position(|name| name == "unet_rows").unwrap();
        let asked = steps
            .records()
            .map(|row| row.unwrap()[at].parse::<u64>().unwrap());
        let to_device = ran.report.to_device.bytes;
        (
            count - others.copies,
            numbers / row,
            asked.sum::<u64>(),
            to_device,
        )
    };
    let (calls, rows, asked, to_device) = counted("");
    let (fewer, ..) = counted("guidance_start = 0.2\nguidance_end = 0.8");
    // The rows of the two calls that look how much room there is are among those that nobody asked for.
    assert!(
        asked > 5000 && 100 * (rows - asked) <= asked,
        "{rows} of {asked}"
    );
    assert!(100 * fewer <= 75 * calls, "{fewer} of {calls}");
    // Texts, larger than the samples here, stay on the device from call to call.
    let weights = ["text_encoder", "vae_encoder", "unet", "vae_decoder"].map(|component| {
        let file = golden().join("tiny_eps").join(component).join("model.onnx");
        fs::metadata(file).unwrap().len()
    });
    let (weights, samples) = (weights.iter().sum::<u64>(), rows * 8 * 12 * 16 * 4);
    assert!(
        to_device <= weights + samples + samples / 10,
        "{to_device} bytes, {samples} of samples, {weights} of weights"
    );
}

/// What comes back from the device beside the UNet's rows.
struct Others {
    copies: u64,
    numbers: u64,
}

impl Others {
    /// Of so many cells of an image and an instruction: of two texts the states, those at the end mark and the ids, which
    /// the processor looks through for it; the latents of the image; the images of the cells and of the look at how much
    /// room there is.
    fn new(cells: u64) -> Self {
        let images = cells + 1;
        Self {
            copies: 2 * 3 + 1 + images,
            numbers: 2 * (77 * 32 + 32 + 77) + 8 * 12 * 16 + images * 3 * 48 * 64,
        }
    }
}
