//! ONNX Runtime with CUDA and the stand-ins, put together once in this program's cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ip2p_sweep::onnxruntime::Host;
use zip::ZipArchive;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cuda");
const WHEELS: &str = include_str!("wheels.txt");
/// Every source of the stand-ins, so that changing one gives a new folder in the cache.
const SOURCES: [&str; 8] = [
    include_str!("stand_in/build.sh"),
    include_str!("stand_in/stand_in.h"),
    include_str!("stand_in/runtime.cpp"),
    include_str!("stand_in/cublas.cpp"),
    include_str!("stand_in/cublaslt.cpp"),
    include_str!("stand_in/cudnn.cpp"),
    include_str!("stand_in/driver.cpp"),
    include_str!("stand_in/nvml.cpp"),
];

/// The locations of all parts.
pub struct StandIn {
    /// ONNX Runtime beside the content of NVIDIA's wheels.
    pub libraries: PathBuf,
    /// What NVIDIA's driver would install.
    pub driver: PathBuf,
}

/// The stand-in; `None`, with a message, if it cannot be made.
pub fn stand_in() -> Option<&'static StandIn> {
    static MADE: OnceLock<Result<StandIn, String>> = OnceLock::new();
    match MADE.get_or_init(make) {
        Ok(made) => Some(made),
        Err(reason) if std::env::var_os("IP2P_CUDA_TESTS").is_some() => panic!("{reason}"),
        Err(reason) => {
            eprintln!("skipped: the CUDA provider cannot be tried here: {reason}");
            None
        }
    }
}

fn make() -> Result<StandIn, String> {
    let host = Host::current(None);
    let cache = host.cache().map_err(|error| error.to_string())?;
    fs::create_dir_all(cache).map_err(|error| error.to_string())?;
    let runtime = cache.join(format!("test-cuda-{:016x}", digest(&[WHEELS])));
    if !runtime.is_dir() {
        if host.offline {
            return Err("IP2P_OFFLINE is set".to_owned());
        }
        whole(cache, &runtime, |folder| fetch(&host.python, folder))?;
    }
    let libraries = cache.join(format!("test-stand-in-{:016x}", digest(&SOURCES)));
    if !libraries.is_dir() {
        whole(cache, &libraries, |folder| build(&runtime, folder))?;
    }
    Ok(StandIn {
        driver: libraries.join("driver"),
        libraries,
    })
}

/// Makes a folder atomically, even if other processes make it at the same time.
fn whole(
    cache: &Path,
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let staging = tempfile::tempdir_in(cache).map_err(|error| error.to_string())?;
    fill(staging.path())?;
    match fs::rename(staging.path(), folder) {
        Err(error) if !folder.is_dir() => Err(error.to_string()),
        Err(_) | Ok(()) => Ok(()),
    }
}

/// Downloads ONNX Runtime's libraries and CUDA's headers, with the user's own pip.
fn fetch(python: &Path, folder: &Path) -> Result<(), String> {
    let wheels = folder.join("wheels");
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-input",
    ])
    .args(["--require-hashes", "--only-binary=:all:", "--no-cache-dir"])
    .args(["--implementation=cp", "--python-version=3.12"])
    .args([
        "--platform=manylinux_2_28_x86_64",
        "--platform=manylinux2014_x86_64",
    ])
    .arg("--requirement")
    .arg(Path::new(FOLDER).join("wheels.txt"))
    .arg("--dest")
    .arg(&wheels);
    succeed(&mut pip)?;
    for wheel in wheels.read_dir().map_err(|error| error.to_string())? {
        let wheel = wheel.map_err(|error| error.to_string())?.path();
        unpack(&wheel, folder).map_err(|error| format!("{}: {error}", wheel.display()))?;
    }
    fs::remove_dir_all(&wheels).map_err(|error| error.to_string())
}

/// Libraries go into the folder itself, headers below `include`.
fn unpack(wheel: &Path, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut archive = ZipArchive::new(fs::File::open(wheel)?)?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index)?;
        let name = member.name()?.into_owned();
        let library = name
            .strip_prefix("onnxruntime/capi/")
            .filter(|name| name.starts_with("libonnxruntime") && !name.contains("tensorrt"));
        let header = name
            .strip_prefix("nvidia/cu13/")
            .filter(|name| name.starts_with("include/") && !name.contains(".."));
        let Some(target) = library.or(header).filter(|name| !name.ends_with('/')) else {
            continue;
        };
        let target = folder.join(target);
        fs::create_dir_all(target.parent().unwrap())?;
        std::io::copy(&mut member, &mut fs::File::create(target)?)?;
    }
    Ok(())
}

/// Builds the stand-ins beside links to ONNX Runtime.
fn build(runtime: &Path, folder: &Path) -> Result<(), String> {
    let mut script = Command::new("bash");
    script
        .arg(Path::new(FOLDER).join("stand_in/build.sh"))
        .args([&runtime.join("include"), folder]);
    succeed(&mut script)?;
    for entry in runtime.read_dir().map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_file() {
            let link = folder.join(path.file_name().unwrap());
            std::os::unix::fs::symlink(&path, link).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// FNV-1a hash, for the name of a folder.
fn digest(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn the_wheel_is_the_one_that_setup_fetches() {
    let pins = include_str!("../../src/onnxruntime/pins.rs");
    for wheel in WHEELS
        .lines()
        .filter(|line| line.starts_with("onnxruntime-gpu"))
    {
        let (_, sha256) = wheel.split_once("sha256:").unwrap();
        assert!(pins.contains(sha256), "{wheel}");
    }
}
