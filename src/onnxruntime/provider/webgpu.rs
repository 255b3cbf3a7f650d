//! GPUs from any vendor through WebGPU (Dawn): Vulkan on Linux, Direct3D 12 on Windows, Metal on macOS.

use ort::environment::Environment;
use ort::memory::{AllocationDevice, AllocatorType, DeviceType, MemoryInfo, MemoryType};
use ort::session::builder::{BuilderResult, SessionBuilder};

use super::super::pins::Pin;
use super::super::{Host, Runtime, RuntimeError};
use super::plugin::Plugin;
use super::{Provider, ProviderSettings};

pub(super) const PLUGIN: Plugin = Plugin {
    key: "webgpu",
    provider: "WebGpuExecutionProvider",
    package: "onnxruntime_ep_webgpu",
    library: "onnxruntime_providers_webgpu",
    pin,
    opens: &["libvulkan.so.1"],
    needs: "a GPU with its driver; under Linux also the Vulkan loader (Debian: libvulkan1) and the GPU's Vulkan driver \
            (mesa-vulkan-drivers)",
};

/// The memory of the plugin's tensors. (`ort`'s own constant is for the built-in provider.)
const MEMORY: &str = "WebGPU_Buf";

pub(super) struct WebGpu;

impl Provider for WebGpu {
    fn start(&self, runtime: &Runtime, host: &Host) -> Result<(), RuntimeError> {
        PLUGIN.start(runtime, host, DeviceType::GPU)
    }

    fn device_name(&self, runtime: &Runtime) -> Option<String> {
        PLUGIN.device_name(runtime, DeviceType::GPU)
    }

    fn register(
        &self,
        builder: SessionBuilder,
        environment: &Environment,
        _settings: ProviderSettings,
    ) -> BuilderResult {
        PLUGIN.register(builder, environment, DeviceType::GPU, &[])
    }

    fn memory(&self) -> ort::Result<MemoryInfo<'static>> {
        let place = AllocationDevice::new(MEMORY);
        MemoryInfo::new(place, 0, AllocatorType::Device, MemoryType::Default)
    }
}

/// The wheel for an operating system and processor.
fn pin(system: &str, processor: &str) -> Option<Pin> {
    let (platform, sha256) = match (system, processor) {
        ("linux", "x86_64") => (
            "manylinux_2_28_x86_64",
            "5d8c961eda91a88961cad1fb7621f389f006b18497d6ea9ecf96f729f066cbfb",
        ),
        ("linux", "aarch64") => (
            "manylinux_2_28_aarch64",
            "17f660db53b1a509c63e721ac6784a2daa1c4e91a968523ee9986505ee5b0a55",
        ),
        ("macos", "aarch64") => (
            "macosx_14_0_universal2",
            "8d0a91d44b43d931c3068b9134aed9770f27803e353c2b58c93e1700bb68bcca",
        ),
        ("windows", "x86_64") => (
            "win_amd64",
            "7db646669d1a2390551da675115ea125e68cb3d4d2c3a2d6e463372bf8d6ea87",
        ),
        ("windows", "aarch64") => (
            "win_arm64",
            "a9586f6744370776059edd794c11bca2f563258a5bd2707864aefff31d3af39f",
        ),
        _ => return None,
    };
    Some(Pin {
        name: "onnxruntime-ep-webgpu",
        version: "0.4.0",
        platform,
        sha256,
    })
}
