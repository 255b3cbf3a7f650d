//! Providers that ONNX Runtime loads on request: locating them, starting them, and the devices they find.

use std::collections::BTreeSet;
use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX, OS};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::AsPointer;
use ort::device::Device;
use ort::environment::Environment;
use ort::memory::DeviceType;
use ort::session::builder::{BuilderResult, SessionBuilder};

use super::super::cached::cached_plugin;
use super::super::message::plain;
use super::super::pins::Pin;
use super::super::{Host, Located, Runtime, RuntimeError, Source, sums, whole};
use crate::trust;

/// A provider in a wheel of its own, which works with any sufficiently new ONNX Runtime.
#[derive(Debug)]
pub(in super::super) struct Plugin {
    /// Its name for `ip2p setup` and in sweep files.
    pub key: &'static str,
    /// The provider's name in ONNX Runtime.
    pub provider: &'static str,
    /// The package's folder in the wheel.
    pub package: &'static str,
    /// The library in it, without the system's prefix and extension.
    pub library: &'static str,
    /// The wheel for an operating system and processor, as named in `std::env::consts`.
    pub pin: fn(&str, &str) -> Option<Pin>,
    /// Libraries that it opens by bare name.
    pub opens: &'static [&'static str],
    /// What it needs to find a device.
    pub needs: &'static str,
}

/// The plugins registered in this process: an environment accepts each only once.
static STARTED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

impl Plugin {
    /// The wheel for this machine.
    pub fn wheel(&self) -> Option<Pin> {
        // There are no wheels for musl.
        (self.pin)(OS, ARCH).filter(|_| !cfg!(target_env = "musl"))
    }

    fn file_name(&self) -> String {
        format!("{DLL_PREFIX}{}{DLL_SUFFIX}", self.library)
    }

    /// Loads it into a runtime, once a process, and looks for a device.
    pub fn start(
        &'static self,
        runtime: &Runtime,
        host: &Host,
        hardware: DeviceType,
    ) -> Result<(), RuntimeError> {
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        if !started.contains(self.key) {
            self.load(runtime, host)?;
            started.insert(self.key);
        }
        match self.devices(runtime.environment(), hardware).next() {
            Some(_) => Ok(()),
            None => Err(RuntimeError::NoPluginDevice {
                key: self.key,
                needs: self.needs,
            }),
        }
    }

    fn load(&self, runtime: &Runtime, host: &Host) -> Result<(), RuntimeError> {
        let (path, _) = library(self, runtime.located(), host)?;
        let refused = |reason| RuntimeError::PluginRefused {
            path: path.clone(),
            reason,
        };
        whole::refuse_cut(&path).map_err(refused)?;
        for name in self.opens {
            trust::refuse_current_folder(Path::new(name)).map_err(refused)?;
        }
        let name = format!("ip2p.{}", self.key);
        let registered = runtime.environment().register_ep_library(name, &path);
        registered.map_err(|error| refused(plain(error.message())))
    }

    /// The devices of one kind that it has found.
    fn devices<'e>(
        &'static self,
        environment: &'e Environment,
        hardware: DeviceType,
    ) -> impl Iterator<Item = Device<'e>> {
        let devices = environment.devices();
        devices.filter(move |device| {
            let is_its = device.ep().is_ok_and(|name| name == self.provider);
            is_its && device.hardware_device().ty() == hardware
        })
    }

    /// Vendor and device id of the first device, as `lspci -n` shows them.
    pub fn device_name(&'static self, runtime: &Runtime, hardware: DeviceType) -> Option<String> {
        let device = self.devices(runtime.environment(), hardware).next()?;
        let hardware = device.hardware_device();
        Some(format!(
            "{:04x}:{:04x}",
            vendor_id(&hardware),
            hardware.id()
        ))
    }

    /// Adds the first device of a kind to a session's options.
    #[expect(
        clippy::result_large_err,
        reason = "the type is ort's, whose steps all give it"
    )]
    pub fn register(
        &'static self,
        builder: SessionBuilder,
        environment: &Environment,
        hardware: DeviceType,
        options: &[(&str, String)],
    ) -> BuilderResult {
        let options = options
            .iter()
            .map(|(key, value)| (format!("{}.{key}", self.provider), value.clone()));
        let options: Vec<(String, String)> = options.collect();
        let device = self.devices(environment, hardware).take(1);
        builder.with_devices(device, Some(&options))
    }
}

#[expect(unsafe_code)]
fn vendor_id(hardware: &ort::device::HardwareDevice) -> u32 {
    // SAFETY: the device lives as long as its reference, and the function only reads from it.
    unsafe { (ort::api().HardwareDevice_VendorId)(hardware.ptr()) }
}

/// The library of a plugin, and where it was found: in the cache, if it was fetched, or in the Python package beside
/// ONNX Runtime's.
pub(in super::super) fn library(
    plugin: &Plugin,
    located: &Located,
    host: &Host,
) -> Result<(PathBuf, Source), RuntimeError> {
    let file = plugin.file_name();
    let cached = plugin.wheel().and_then(|wheel| cached_plugin(host, &wheel));
    if let Some(folder) = cached {
        let path = folder.join(&file);
        check_cached(&folder, &path)?;
        return Ok((path, Source::Cache));
    }
    // site-packages/onnxruntime/capi/libonnxruntime.so
    let packages = located.path.ancestors().nth(3);
    let package = packages.map(|packages| packages.join(plugin.package));
    match package.map(|package| package.join(file)) {
        Some(path) if path.is_file() => Ok((path, Source::Python)),
        Some(_) | None => Err(RuntimeError::NoPlugin { key: plugin.key }),
    }
}

/// Checks that the files in the cache are as fetched, and that other users cannot change them.
fn check_cached(folder: &Path, path: &Path) -> Result<(), RuntimeError> {
    if let Some(file) = sums::first_changed(folder) {
        return Err(RuntimeError::Damaged { file });
    }
    for path in [path, folder] {
        whole::refuse_writable(path).map_err(|reason| RuntimeError::Writable {
            path: path.to_owned(),
            reason,
        })?;
    }
    Ok(())
}

/// Whether a member of a plugin's wheel is needed: its libraries and the files they read, each under one name.
pub(in super::super) fn is_library(folder: &str, file: &str) -> bool {
    let is_plugin = folder.starts_with("onnxruntime_ep_") && !folder.contains('/');
    let numbered_copy = file.contains("_plugin.so.");
    let ends = [".so", ".dll", ".dylib", "cache.json"];
    let is_needed = ends.iter().any(|end| file.ends_with(end)) || file.contains(".so.");
    is_plugin && is_needed && !numbered_copy
}
