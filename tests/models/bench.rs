//! `ip2p bench` on small models: its structure, its errors, and operations against torch's own count. No time is
//! asserted: machines differ.

use crate::common;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::assert::OutputAssertExt;
use ip2p_sweep::bench::{Benchmark, Efficiency, Timing};
use ip2p_sweep::model::runtime::ExecutionDevice;
use ip2p_sweep::model::{ModelFolder, OnnxModel};
use ndarray::{Array3, Array4};
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
        // Weights are in memory at the least.
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
    let Efficiency::Known {
        row_operations,
        product_rate,
        shares,
        ..
    } = benchmark.efficiency
    else {
        panic!("{:?}", benchmark.efficiency);
    };
    let (counted, row_operations) = (counted("demo") as f64, row_operations as f64);
    assert!(
        (row_operations / counted - 1.0).abs() < 1e-3,
        "{row_operations}"
    );
    assert!(product_rate > 1e8, "{product_rate}");
    assert_eq!(shares.len(), rows.len());
    assert!(
        shares.iter().all(|share| share.unwrap() > 0.0),
        "{shares:?}"
    );
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
        "of a product",
        "for 7 steps of 3 rows",
        "MiB phased, at most",
        "GFLOP a UNet row",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let lines: Vec<&str> = text.lines().collect();
    let table = lines
        .iter()
        .position(|line| line.starts_with("call "))
        .unwrap();
    // On a CPU one row and three are called; columns of numbers end at one place.
    let unet: Vec<&&str> = lines
        .iter()
        .filter(|line| line.starts_with("unet  "))
        .collect();
    assert_eq!(unet.len(), 3, "{text}");
    assert!(
        unet[1].ends_with(" %") && unet[1].len() == unet[2].len(),
        "{text}"
    );
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
             hint: check the path; it is relative to the current folder\n",
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
    // It would go on for an hour.
    sleep(Duration::from_secs(2));
    let interrupt = |id: u32| {
        Command::new("kill")
            .args(["-INT", &id.to_string()])
            .output()
    };
    interrupt(child.id()).unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "it goes on");
        sleep(Duration::from_millis(20));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// The operations of a UNet row by torch's own count (`make_operations.py`).
fn counted(name: &str) -> u64 {
    let golden = common::golden_json("operations.json");
    golden[name]["operations"].as_u64().unwrap()
}

#[test]
fn operations_are_those_that_torch_counts() {
    let golden = common::golden_json("operations.json");
    for (name, case) in golden.as_object().unwrap() {
        let folder = ModelFolder::open(model(name)).unwrap();
        let sizes = |key: &str| -> Vec<usize> {
            let sizes = case[key].as_array().unwrap().iter();
            sizes.map(|size| size.as_u64().unwrap() as usize).collect()
        };
        let (sample, text) = (sizes("sample"), sizes("text"));
        let sample = Array4::<f32>::zeros((sample[0], sample[1], sample[2], sample[3]));
        let text = Array3::<f32>::zeros((text[0], text[1], text[2]));
        let model =
            OnnxModel::new(Arc::new(folder), common::runtime(), ExecutionDevice::Cpu, 1).unwrap();
        let operations = model.unet_operations(sample.view(), text.view()).unwrap();
        if name == "demo" {
            // Two small products of its text embedding are written as Einsum.
            let most = operations.products + operations.uncounted_most;
            assert!(
                (operations.products..most).contains(&counted(name)),
                "{operations:?}"
            );
            assert!(operations.uncounted.iter().eq(["Einsum"]), "{operations:?}");
            assert!(
                operations.uncounted_most < operations.products / 1000,
                "{operations:?}"
            );
        } else {
            assert_eq!(operations.products, counted(name), "{name}");
            assert!(operations.uncounted.is_empty(), "{name}: {operations:?}");
        }
    }
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
