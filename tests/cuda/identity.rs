//! What is copied to the device and back, with graphs that change nothing (`make_identity.py`).

use std::path::Path;
use std::process::Output;

use half::f16;
use ip2p_sweep::onnxruntime::{
    ElementType, ExecutionDevice, Host, Input, Session, SessionOptions, load, locate,
    resolve_device,
};
use ip2p_sweep::spec::Device;
use ip2p_sweep::vocabulary::Arithmetic;
use ndarray::Array4;

use super::place::{Place, Report};
use super::stand_in::stand_in;

const CALLS: u64 = 50;
const SHAPE: [usize; 4] = [6, 4, 8, 8];
/// The variable that tells the child process its task.
const TASK: &str = "IP2P_TEST_IDENTITY";

/// Calls one of the graphs many times in a child process, which runs the same test with a task; `x` changes in every
/// call or in none, `y` never.
fn counted(test: &str, precision: &str, changes: &str, is_eager: bool) -> Option<Report> {
    let place = Place::new(stand_in()?, "float32");
    let report = place.folder.path().join("report.json");
    let mut command = place.command(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("identity::{test}")])
        .env(TASK, format!("{precision} {changes}"))
        .env("STAND_IN_REPORT", &report);
    if is_eager {
        command.env("STAND_IN_EAGER", "1");
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let told = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success() && told[0].contains("1 passed"), "{told:?}");
    Some(Report::read(&report))
}

#[test]
fn outputs_equal_inputs_and_each_is_copied_once() {
    if is_task_done() {
        return;
    }
    let test = "outputs_equal_inputs_and_each_is_copied_once";
    for precision in ["float32", "float16"] {
        for is_eager in [false, true] {
            let Some(report) = counted(test, precision, "changing", is_eager) else {
                return;
            };
            assert_eq!(report.to_device.count, CALLS + 1, "{precision} {report:?}");
            assert_eq!(report.to_host.count, CALLS, "{precision} {report:?}");
            report.assert_all_is_freed();
        }
    }
}

#[test]
fn inputs_that_stay_as_they_are_stay_on_the_device() {
    if is_task_done() {
        return;
    }
    let test = "inputs_that_stay_as_they_are_stay_on_the_device";
    for precision in ["float32", "float16"] {
        let Some(report) = counted(test, precision, "unchanged", false) else {
            return;
        };
        assert_eq!(report.to_device.count, 2, "{precision} {report:?}");
        assert_eq!(report.to_host.count, CALLS, "{precision} {report:?}");
        assert_eq!(report.pinned_peak_bytes, 0, "{precision} {report:?}");
    }
}

/// Does the task that this process was given, with the stand-in on its library path; returns whether there was one.
fn is_task_done() -> bool {
    let Ok(task) = std::env::var(TASK) else {
        return false;
    };
    let (precision, changes) = task.split_once(' ').unwrap();
    let element = match precision {
        "float16" => ElementType::Float16,
        _ => ElementType::Float32,
    };
    let located = locate(&Host::current(None)).unwrap();
    let resolved = resolve_device(Device::Named(ExecutionDevice::Cuda(0)), &located).unwrap();
    assert_eq!(resolved.device, ExecutionDevice::Cuda(0));
    let graph = format!(
        "{}/tests/cuda/identity_{precision}.onnx",
        env!("CARGO_MANIFEST_DIR")
    );
    let options = SessionOptions {
        device: resolved.device,
        threads: 1,
        shared_arena: false,
        arithmetic: Arithmetic::EXACT,
    };
    let runtime = load(&located).unwrap();
    let mut session = Session::load(&runtime, "identity", Path::new(&graph), options).unwrap();
    // Numbers that float16 represents exactly.
    let numbers = |seed: u64| -> Vec<f32> {
        let count = SHAPE.iter().product::<usize>() as u64;
        let exact =
            |index| f16::from_f32(((index * 7919 + seed * 104_729) % 2039) as f32 / 8.0).to_f32();
        (0..count).map(exact).collect()
    };
    let y = numbers(1);
    let mut same: Array4<f32> = Array4::zeros(SHAPE);
    for call in 0..CALLS {
        let seed = if changes == "changing" { 2 + call } else { 2 };
        let x = numbers(seed);
        let input = |name, values, version| Input {
            name,
            element,
            shape: SHAPE.to_vec(),
            values,
            version: Some(version),
        };
        let inputs = [input("x", &x, seed), input("y", &y, 1)];
        session.run_bound(&inputs, "x_same", &mut same).unwrap();
        assert_eq!(same.as_slice().unwrap(), x, "call {call}");
    }
    true
}
