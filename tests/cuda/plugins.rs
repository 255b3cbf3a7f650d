//! Providers that are plugins, without their hardware: WebGPU on SwiftShader, Chromium's software Vulkan driver, and
//! OpenVINO on any processor.
//!
//! Both compute real numbers, which are compared with the CPU's. ONNX Runtime reports GPUs that it finds in
//! `/sys/class/drm`, and OpenVINO accepts only Intel processors. The program therefore runs with a copy of ONNX Runtime
//! that looks for cards in a folder of the test, or takes AMD's vendor number for Intel's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use ip2p_sweep::onnxruntime::{Host, PluginProvider, setup_plugin};
use tempfile::TempDir;

use super::common::{copy_folder, golden, library};

/// By how many of 255 levels a pixel may differ from the CPU's.
const LEVELS: u8 = 2;
/// From Debian's package `chromium`.
const VULKAN_DRIVER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";
/// Where ONNX Runtime looks for GPUs.
const CARDS: &str = "/sys/class/drm";
/// PCI vendor numbers of AMD and Intel.
const VENDORS: [u32; 2] = [0x1022, 0x8086];

/// How a device is simulated.
#[derive(Clone, Copy)]
enum Device {
    WebGpu,
    OpenVino,
}

impl Device {
    fn key(self) -> &'static str {
        match self {
            Self::WebGpu => "webgpu",
            Self::OpenVino => "openvino",
        }
    }

    fn plugin(self) -> PluginProvider {
        match self {
            Self::WebGpu => PluginProvider::WebGpu,
            Self::OpenVino => PluginProvider::OpenVino,
        }
    }

    /// Whether it can be tested here; prints the reason if not.
    fn is_there(self) -> bool {
        static THERE: [OnceLock<Result<(), String>>; 2] = [const { OnceLock::new() }; 2];
        match THERE[self as usize].get_or_init(|| self.make()) {
            Ok(()) => true,
            Err(reason) if std::env::var_os("IP2P_CUDA_TESTS").is_some() => panic!("{reason}"),
            Err(reason) => {
                eprintln!("skipped: {} cannot be tried here: {reason}", self.key());
                false
            }
        }
    }

    fn make(self) -> Result<(), String> {
        if matches!(self, Self::WebGpu) && !Path::new(VULKAN_DRIVER).is_file() {
            return Err(format!("there is no {VULKAN_DRIVER}"));
        }
        let host = Host::current(None);
        setup_plugin(&host, self.plugin(), &mut |_| {})
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// The program, with the device available to it.
    fn command(self, place: &Place) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
        command.env("ORT_DYLIB_PATH", place.library(self));
        command.env("VK_ICD_FILENAMES", VULKAN_DRIVER);
        command
    }
}

/// The folder of a test.
struct Place {
    folder: TempDir,
    /// Its path has the same length as that of the folder in which ONNX Runtime looks.
    cards: TempDir,
}

impl Place {
    fn new() -> Self {
        let name = CARDS.len() - "/tmp/".len();
        let cards = tempfile::Builder::new()
            .prefix("")
            .rand_bytes(name)
            .tempdir_in("/tmp");
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
            cards: cards.unwrap(),
        };
        let card = place.cards.path().join("card0/device");
        fs::create_dir_all(&card).unwrap();
        // A display controller by AMD, which the software driver ignores.
        for (file, text) in [
            ("class", "0x030000\n"),
            ("vendor", "0x1002\n"),
            ("device", "0x73bf\n"),
        ] {
            fs::write(card.join(file), text).unwrap();
        }
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A copy of ONNX Runtime that finds the device; made once.
    fn library(&self, device: Device) -> PathBuf {
        let original = library().path;
        let copy = self
            .path()
            .join(device.key())
            .join(original.file_name().unwrap());
        if !copy.is_file() {
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            let mut bytes = fs::read(&original).unwrap();
            match device {
                Device::WebGpu => look_for_cards(&mut bytes, self.cards.path()),
                Device::OpenVino => take_amd_for_intel(&mut bytes),
            }
            fs::write(&copy, bytes).unwrap();
        }
        copy
    }
}

fn look_for_cards(library: &mut [u8], folder: &Path) {
    let terminated = |path: &str| format!("\0{path}\0").into_bytes();
    let (old, new) = (terminated(CARDS), terminated(folder.to_str().unwrap()));
    assert_eq!(old.len(), new.len());
    let at = library.windows(old.len()).position(|bytes| bytes == old);
    let at = at.expect("ONNX Runtime looks for cards elsewhere");
    library[at..at + new.len()].copy_from_slice(&new);
}

/// Patches a table of vendors, each with the length and address of its name, and its number.
fn take_amd_for_intel(library: &mut [u8]) {
    let [amd, intel] = VENDORS.map(u32::to_le_bytes);
    let entry = 32;
    let mut places = (0..library.len() - entry - 4).step_by(8);
    let at = places
        .find(|&at| library[at..at + 4] == amd && library[at + entry..at + entry + 4] == intel);
    let at = at.expect("ONNX Runtime has makers elsewhere");
    library[at..at + 4].copy_from_slice(&intel);
}

/// The outcome of a run.
struct Ran {
    code: i32,
    told: String,
    out: PathBuf,
}

/// Runs a golden model with these lines under `[sweep]` and `[runtime]`.
fn run(device: Option<Device>, place: &Place, model: &str, sweep: &str, runtime: &str) -> Ran {
    let folder = place.path();
    let model_folder = folder.join(model);
    if !model_folder.is_dir() {
        copy_folder(&golden().join(model), &model_folder);
    }
    let image = golden().join("runs/input/64x48.png");
    fs::copy(image, folder.join("in.png")).unwrap();
    let key = device.map_or("cpu", Device::key);
    let text = format!(
        "model = \"{model}\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\n{sweep}\n\
         [runtime]\ndevice = \"{key}\"\n{runtime}\n"
    );
    let out = tempfile::tempdir_in(folder).unwrap().keep();
    let path = folder.join("sweep.toml");
    fs::write(&path, text).unwrap();
    let mut command = match device {
        Some(device) => device.command(place),
        None => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
            command.env("ORT_DYLIB_PATH", library().path);
            command
        }
    };
    command.arg("run").arg(&path).arg("--out").arg(&out);
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let told = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Ran {
        code: status.code().unwrap_or(-1),
        told: told.concat(),
        out,
    }
}

/// Cells by file name, with the largest difference of a pixel between two runs.
fn differences(one: &Ran, other: &Ran) -> Vec<(String, u8)> {
    let mut names: Vec<_> = fs::read_dir(one.out.join("cells"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let pixels = |ran: &Ran, name: &str| {
        let image = image::open(ran.out.join("cells").join(name));
        image
            .unwrap_or_else(|error| panic!("{name}: {error} {}", ran.told))
            .to_rgb8()
    };
    let largest = |name: String| {
        let (one, other) = (pixels(one, &name), pixels(other, &name));
        assert_eq!(one.dimensions(), other.dimensions());
        let levels = one.as_raw().iter().zip(other.as_raw());
        let most = levels.map(|(one, other)| one.abs_diff(*other)).max();
        (name, most.unwrap())
    };
    names.into_iter().map(largest).collect()
}

/// Runs the same sweep on a device and on the CPU, and compares the pixels.
fn assert_parity(device: Device, place: &Place, model: &str, sweep: &str, runtime: &str) {
    let there = run(Some(device), place, model, sweep, runtime);
    let case = format!("{} {model} {runtime}: {}", device.key(), there.told);
    assert_eq!(there.code, 0, "{case}");
    let here = run(None, place, model, sweep, "");
    let differences = differences(&here, &there);
    assert!(!differences.is_empty(), "{case}");
    eprintln!("{} {model} {runtime:?}: {differences:?}", device.key());
    let is_close = |(_, levels): &(String, u8)| *levels <= LEVELS;
    assert!(differences.iter().all(is_close), "{case} {differences:?}");
}

const TWO_CELLS: &str = "guidance_scale = [3.0, 7.0]\nseed = 2\nnum_inference_steps = 2";

/// Every scheduler, with as few steps as it accepts.
const SCHEDULERS: &str = "num_inference_steps = 2\nscheduler = [\"ddim\", \"ddpm\", \"dpmpp_2m\", \"euler\", \
    \"euler_ancestral\", \"heun\", \"lms\", \"pndm\", \"unipc\"]";

/// Images of so few pixels that software Vulkan takes them in a second or so a call.
fn tiny(sweep: &str, pixels: u32) -> String {
    format!("{sweep}\n[size]\nresolution = {pixels}")
}

#[test]
fn webgpu_gives_the_pixels_of_the_cpu_with_every_scheduler_two_cells_at_a_time() {
    if !Device::WebGpu.is_there() {
        return;
    }
    let place = Place::new();
    let sweep = tiny(&format!("guidance_scale = [3.0, 7.0]\n{SCHEDULERS}"), 16);
    let runtime = "memory = \"resident\"\nbatch = 2";
    assert_parity(Device::WebGpu, &place, "tiny_eps", &sweep, runtime);
}

#[test]
fn webgpu_gives_the_pixels_of_the_cpu_in_phased_memory_with_a_model_of_velocities() {
    if !Device::WebGpu.is_there() {
        return;
    }
    let place = Place::new();
    let runtime = "memory = \"phased\"\nbatch = 1";
    assert_parity(
        Device::WebGpu,
        &place,
        "tiny_v",
        &tiny(TWO_CELLS, 32),
        runtime,
    );
}

/// A model whose UNet holds 400 MiB a row at 16 x 16 pixels, and four times as much at 32 x 32 (`make_large.py`). Software
/// Vulkan gives no more than 1 GiB at a time.
fn large_model(place: &Place) -> &'static str {
    let folder = place.path().join("large");
    copy_folder(&golden().join("tiny_eps"), &folder);
    let graphs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda/large");
    copy_folder(&graphs, &folder);
    "large"
}

/// Two cells that part after their only step.
const ONE_STEP: &str = "guidance_scale = [3.0, 7.0]\nnum_inference_steps = 1";

#[test]
fn webgpu_without_room_for_a_batch_gets_less_at_a_time_and_gives_the_pixels_of_the_cpu() {
    if !Device::WebGpu.is_there() {
        return;
    }
    let place = Place::new();
    let model = large_model(&place);
    let sweep = tiny(ONE_STEP, 16);
    let there = run(Some(Device::WebGpu), &place, model, &sweep, "batch = 2");
    assert_eq!(there.code, 0, "{}", there.told);
    for less in ["batch 1, 3 UNet rows", "batch 1, 1 UNet row"] {
        let note = format!("out of device memory: continuing with {less} a call, resident memory");
        assert!(there.told.contains(&note), "{}", there.told);
    }
    let here = run(None, &place, model, &sweep, "batch = 1");
    let differences = differences(&here, &there);
    assert_eq!(differences.len(), 2);
    let is_close = |(_, levels): &(String, u8)| *levels <= LEVELS;
    assert!(differences.iter().all(is_close), "{differences:?}");
}

#[test]
fn webgpu_without_room_for_a_row_ends_with_the_reason_and_the_remedy() {
    if !Device::WebGpu.is_there() {
        return;
    }
    let place = Place::new();
    let model = large_model(&place);
    let sweep = tiny(ONE_STEP, 32);
    let ran = run(Some(Device::WebGpu), &place, model, &sweep, "");
    assert_eq!(ran.code, 1, "{}", ran.told);
    let reason =
        "out of device memory with one cell and one component at a time: unet failed: WebGPU";
    let remedy = "lower size.resolution, use an fp16 model, or set device = \"cpu\"";
    let mut cells = csv::Reader::from_path(ran.out.join("cells.csv")).unwrap();
    let names = cells.headers().unwrap();
    let at = names.iter().position(|name| name == "error").unwrap();
    let errors: Vec<String> = cells
        .records()
        .map(|row| row.unwrap()[at].to_owned())
        .collect();
    assert_eq!(errors.len(), 2);
    for error in errors {
        assert!(
            error.starts_with(reason) && error.ends_with(remedy),
            "{error}"
        );
    }
}

#[test]
fn openvino_gives_the_pixels_of_the_cpu_in_float32() {
    if !Device::OpenVino.is_there() {
        return;
    }
    let place = Place::new();
    for (model, runtime) in [
        ("tiny_eps", "memory = \"resident\"\nthreads = 1"),
        ("tiny_v", "memory = \"phased\""),
    ] {
        assert_parity(Device::OpenVino, &place, model, TWO_CELLS, runtime);
    }
    assert_parity(Device::OpenVino, &place, "tiny_eps", SCHEDULERS, "");
}

#[test]
fn a_limit_that_a_plugin_would_not_keep_is_refused() {
    if !Device::OpenVino.is_there() {
        return;
    }
    let place = Place::new();
    let limit = "memory_limit_mib = 64";
    let ran = run(Some(Device::OpenVino), &place, "tiny_eps", TWO_CELLS, limit);
    assert_eq!(ran.code, 3, "{}", ran.told);
    let reason = "runtime.memory_limit_mib does not work on openvino";
    assert!(ran.told.contains(reason), "{}", ran.told);
}

#[test]
fn a_plugin_that_was_not_fetched_is_named_with_the_command_that_fetches_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("empty");
    for device in [Device::WebGpu, Device::OpenVino] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
        command.env("ORT_DYLIB_PATH", library().path);
        command.env("XDG_CACHE_HOME", &cache);
        let model = golden().join("tiny_eps");
        let output = command
            .arg("bench")
            .arg(model)
            .args(["--device", device.key()]);
        let output = output.output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let told = String::from_utf8_lossy(&output.stderr);
        let remedy = format!("run `ip2p setup --{}`", device.key());
        assert!(
            told.contains("is not installed") && told.contains(&remedy),
            "{told}"
        );
    }
}
