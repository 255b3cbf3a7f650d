//! What a GPU run reports if the driver or the libraries do not work; small C libraries stand in for NVIDIA's.

#![cfg(target_os = "linux")]

use crate::common;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A machine with a driver, a CUDA build of ONNX Runtime in the cache, and libraries beside it.
struct Machine {
    folder: TempDir,
}

impl Machine {
    /// `None` without a C compiler. The driver supports a CUDA version, has some GPUs, and returns a code from
    /// `cuInit`.
    fn new(cuda: u32, gpus: u32, init: u32) -> Option<Self> {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let source = format!(
            "int cuInit(unsigned f) {{ return {init}; }}\n\
             int cuDriverGetVersion(int *v) {{ *v = {cuda}; return 0; }}\n\
             int cuDeviceGetCount(int *n) {{ *n = {gpus}; return 0; }}\n"
        );
        fs::create_dir_all(machine.runtime()).unwrap();
        machine.compile(&machine.at("driver/libcuda.so.1"), &source)?;
        machine.compile(
            &machine.runtime().join("libonnxruntime_providers_cuda.so"),
            "",
        )?;
        let library = common::library().path;
        let name = library.file_name().unwrap();
        symlink(&library, machine.runtime().join(name)).unwrap();
        Some(machine)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The folder that `ip2p setup` would make; its name contains the pinned version.
    fn runtime(&self) -> PathBuf {
        self.at("cache/ip2p-sweep/onnxruntime-1.32.0-cpu")
    }

    fn compile(&self, library: &Path, source: &str) -> Option<()> {
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        let file = self.at("stub.c");
        fs::write(&file, source).unwrap();
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-o"]).arg(library);
        let compiled = command.arg(&file).status().ok()?;
        compiled.success().then_some(())
    }

    /// Runs `ip2p run` with one cell on a device.
    fn run(&self, device: &str, given: Option<&Path>) -> Output {
        let sweep = self.at("one.toml");
        let text = format!(
            "model = {:?}\n[sweep]\nimage = {:?}\ninstruction = \"make it winter\"\nnum_inference_steps = 1\n",
            common::golden().join("tiny_eps"),
            common::golden().join("runs/input/64x48.png"),
        );
        fs::write(&sweep, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
        command
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.at("cache"))
            .env("LD_LIBRARY_PATH", self.at("driver"))
            .env_remove("ORT_DYLIB_PATH")
            .arg("run")
            .arg(&sweep)
            .args(["--device", device]);
        if let Some(given) = given {
            command.arg("--onnxruntime").arg(given);
        }
        command.output().unwrap()
    }

    /// The error if it does not run: exit code 3, before any file is written.
    fn refusal(&self, device: &str, given: Option<&Path>) -> String {
        let output = self.run(device, given);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(!self.at("results").exists());
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn a_driver_that_is_too_old_is_named_with_what_it_knows() {
    let Some(machine) = Machine::new(12_080, 1, 0) else {
        return;
    };
    let said = machine.refusal("cuda", None);
    assert!(
        said.contains("error: the NVIDIA driver knows CUDA 12.8 only; CUDA 13.0 is needed"),
        "{said}"
    );
    assert!(
        said.contains("hint: install NVIDIA driver 580 or newer"),
        "{said}"
    );
}

#[test]
fn a_device_number_that_is_not_there_is_told_with_the_count() {
    let Some(machine) = Machine::new(13_000, 2, 0) else {
        return;
    };
    let said = machine.refusal("cuda:2", None);
    assert!(
        said.contains("error: there is no GPU cuda:2; this machine has 2"),
        "{said}"
    );
    assert!(said.contains("hint: GPUs count from cuda:0"), "{said}");
    // Larger than any index in CUDA.
    let said = machine.refusal("cuda:4294967295", None);
    assert!(said.contains("there is no GPU cuda:4294967295"), "{said}");
}

#[test]
fn a_driver_without_a_gpu_and_one_that_fails_are_told_apart() {
    let (Some(none), Some(failing)) = (Machine::new(13_000, 1, 100), Machine::new(13_000, 1, 999))
    else {
        return;
    };
    let said = none.refusal("cuda", None);
    assert!(
        said.contains("error: the NVIDIA driver finds no GPU: it says that there is no device"),
        "{said}"
    );
    let said = failing.refusal("cuda", None);
    assert!(said.contains("it fails with CUDA error 999"), "{said}");
}

#[test]
fn libraries_of_another_cuda_are_named_beside_the_one_that_is_needed() {
    let Some(machine) = Machine::new(13_000, 1, 0) else {
        return;
    };
    machine
        .compile(&machine.runtime().join("libcudart.so.12"), "")
        .unwrap();
    let said = machine.refusal("cuda", None);
    assert!(
        said.contains("error: the CUDA library libcudart.so.13 is missing or does not load"),
        "{said}"
    );
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("libcudart.so.12 is there, which is another version"),
        "{said}"
    );
    assert!(said.contains("ip2p setup --cuda"), "{said}");
}

#[test]
fn another_build_of_the_runtime_brings_its_cuda_but_needs_cudnn_9() {
    let Some(machine) = Machine::new(12_080, 1, 0) else {
        return;
    };
    machine
        .compile(&machine.runtime().join("libcudnn.so.8"), "")
        .unwrap();
    let given = machine.runtime();
    let said = machine.refusal("cuda", Some(&given));
    assert!(
        said.contains("error: the cuDNN library libcudnn.so.9 is missing or does not load"),
        "{said}"
    );
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("libcudnn.so.8 is there, which is another version"),
        "{said}"
    );
}

#[test]
fn a_provider_that_does_not_load_is_refused_and_nothing_goes_on_silently_on_the_cpu() {
    let Some(machine) = Machine::new(13_000, 1, 0) else {
        return;
    };
    // All files have the right names, but the provider is not a library.
    machine
        .compile(&machine.runtime().join("libcudnn.so.9"), "")
        .unwrap();
    let output = machine.run("cuda", Some(&machine.runtime()));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("CUDA execution provider is not enabled in this build"),
        "{said}"
    );
    assert!(
        said.contains("hint: this ONNX Runtime was built without CUDA"),
        "{said}"
    );
    let cells = fs::read_dir(machine.at("results/one/cells"));
    assert_eq!(cells.map_or(0, Iterator::count), 0);
}

#[test]
fn auto_goes_to_the_cpu_and_says_why_the_gpu_is_not_used() {
    let Some(machine) = Machine::new(12_080, 1, 0) else {
        return;
    };
    let output = machine.run("auto", None);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let said = said + &String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("note: the GPU is not used: the NVIDIA driver knows CUDA 12.8 only"),
        "{said}"
    );
}
