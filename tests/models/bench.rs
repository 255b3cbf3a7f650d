//! `ip2p bench` on small models: its output and its errors. No times are asserted, because machines differ.

use crate::common;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::assert::OutputAssertExt;
use ip2p_sweep::bench::{Benchmark, Timing};
use predicates::str::contains;

fn model(name: &str) -> PathBuf {
    match name {
        "demo" => Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx/demo"),
        _ => common::golden().join(name),
    }
}

/// `ip2p bench` with this machine's ONNX Runtime.
fn bench(model: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
    command.arg("bench").arg(model).args(arguments);
    command.env("ORT_DYLIB_PATH", common::library().path);
    command
}

#[test]
fn json_holds_every_number_and_reads_back_as_it_was() {
    let arguments = ["--seconds", "0.05", "--rows", "1,2,5", "--json"];
    let arguments = [&arguments[..], &["--device", "cpu", "--threads", "1"]].concat();
    let output = bench(&model("demo"), &arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let benchmark: Benchmark = serde_json::from_slice(&output.stdout).unwrap();
    let again = serde_json::to_string(&benchmark).unwrap();
    assert_eq!(
        serde_json::from_str::<Benchmark>(&again).unwrap(),
        benchmark
    );

    // The demo model's own size: 32 x 32 latents of 4 pixels.
    assert_eq!((benchmark.width, benchmark.height), (128, 128));
    assert_eq!(benchmark.precision, "fp16-weights");
    assert_eq!(benchmark.environment.device, "cpu");
    assert_eq!(benchmark.environment.threads, 1);
    let names = ["text_encoder", "vae_encoder", "unet", "vae_decoder"];
    assert_eq!(benchmark.components.len(), names.len());
    for (cost, name) in benchmark.components.iter().zip(names) {
        assert_eq!(cost.component, name);
        let file = model("demo").join(name).join("model.onnx");
        let bytes = file.metadata().unwrap().len() as f64;
        assert!((cost.file_mib * f64::from(1 << 20) - bytes).abs() < 1.0);
        assert!(cost.load_ms > 0.0, "{cost:?}");
        // At least the weights are in memory.
        assert!(cost.peak_mib.unwrap() > cost.file_mib, "{cost:?}");
    }
    let rows: Vec<usize> = benchmark.unet.iter().map(|calls| calls.rows).collect();
    assert_eq!(rows, [1, 2, 5]);
    let of_unet = benchmark.unet.iter().map(|calls| calls.timing.unwrap());
    let others = [
        benchmark.encode_text,
        benchmark.encode_image,
        benchmark.decode,
    ];
    for timing in of_unet.chain(others) {
        let Timing {
            median_ms,
            fastest_ms,
            slowest_ms,
            calls,
        } = timing;
        assert!(calls >= 3 && fastest_ms > 0.0, "{timing:?}");
        assert!((fastest_ms..=slowest_ms).contains(&median_ms), "{timing:?}");
    }
    let cell = benchmark.cell.unwrap();
    assert_eq!(cell.num_inference_steps, 20);
    assert!(rows.contains(&cell.rows));
    assert!((cell.seconds * cell.cells_an_hour - 3600.0).abs() < 1e-6);
    let memory = benchmark.memory;
    assert_eq!(memory.source, "rss");
    assert!(memory.resident_mib >= memory.phased_mib && memory.phased_mib.unwrap() > 1.0);
}

#[test]
fn text_tells_all_of_it_in_aligned_columns() {
    let arguments = [
        "--seconds",
        "0",
        "--size",
        "24x16",
        "--device",
        "cpu",
        "--steps",
        "7",
    ];
    let output = bench(&model("tiny_eps"), &arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("fp32, 24 x 16 pixels\ncpu ("), "{text}");
    for word in [
        "component",
        "text_encoder",
        "vae_encoder",
        "vae_decoder",
        "load ms",
        "peak MiB",
        "rows/s",
        "encode text",
        "encode image",
        "decode",
        "for 7 steps of 3 rows",
        "MiB phased, at most",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let lines: Vec<&str> = text.lines().collect();
    let table = lines
        .iter()
        .position(|line| line.starts_with("call "))
        .unwrap();
    // On a CPU calls have one row and three rows; columns of numbers are aligned to the right.
    let unet: Vec<&&str> = lines
        .iter()
        .filter(|line| line.starts_with("unet  "))
        .collect();
    assert_eq!(unet.len(), 3, "{text}");
    assert_eq!(unet[1].len(), unet[2].len(), "{text}");
    assert_eq!(lines[table].len(), unet[1].len(), "{text}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_remedy() {
    let demo = model("demo");
    let cases: [(&Path, &[&str], i32, &str); 9] = [
        (&demo, &["--rows", "0"], 2, "'0' for '--rows <ROWS>'"),
        (
            &demo,
            &["--size", "0x64"],
            2,
            "give WIDTHxHEIGHT or one number",
        ),
        (&demo, &["--seconds=-1"], 2, "--seconds"),
        (
            &demo,
            &["--size", "130x64"],
            2,
            "error: 130x64 pixels: both sides must be multiples of 4 for this model\n\
             hint: the nearest such size is 132x64\n",
        ),
        (
            Path::new("nowhere"),
            &[],
            3,
            "error: model folder nowhere does not exist\n\
             hint: check the path; `ip2p export timbrooks/instruct-pix2pix --out nowhere` makes a model there\n",
        ),
        (
            &demo,
            &["--onnxruntime", "nowhere"],
            3,
            "nowhere holds no ONNX Runtime library\nhint: ",
        ),
        (
            &demo,
            &["--memory-limit-mib", "1"],
            3,
            "1, but unet alone has",
        ),
        (
            &demo,
            &["--memory-limit-mib", "0"],
            2,
            "0 is not in 1..=16777216",
        ),
        (&demo, &["--device", "cuda:99"], 3, "hint: "),
    ];
    for (model, arguments, code, error) in cases {
        bench(model, arguments)
            .assert()
            .code(code)
            .stdout("")
            .stderr(contains(error));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_benchmark_exits_with_130() {
    let mut child = bench(&model("tiny_eps"), &["--seconds", "600", "--device", "cpu"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It would run for an hour.
    common::interrupt(&child);
    let patience = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "it goes on");
        sleep(Duration::from_millis(20));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn sizes_rows_and_threads_beyond_all_measure_are_bad_usage() {
    for (flag, value, told) in [
        ("--rows", "4097", "4097 is not in 1..=4096"),
        ("--rows", "0", "0 is not in 1..=4096"),
        ("--size", "16392", "in pixels up to 16384"),
        ("--threads", "1025", "1025 is not in 0..=1024"),
    ] {
        let refused = bench(&model("demo"), &[flag, value]).assert();
        refused.code(2).stdout("").stderr(contains(told));
    }
}
