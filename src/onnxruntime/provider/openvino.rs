//! Intel CPUs and GPUs through OpenVINO.

use ort::environment::Environment;
use ort::memory::{DeviceType, MemoryInfo};
use ort::session::builder::{BuilderResult, SessionBuilder};
use serde_json::json;

use super::super::pins::Pin;
use super::super::{Host, Runtime, RuntimeError};
use super::plugin::Plugin;
use super::{Provider, ProviderSettings};

pub(super) const PLUGIN: Plugin = Plugin {
    key: "openvino",
    provider: "OpenVINOExecutionProvider",
    package: "onnxruntime_ep_openvino",
    library: "onnxruntime_providers_openvino_plugin",
    pin,
    opens: &["libOpenCL.so.1", "libze_loader.so.1"],
    needs: "an Intel CPU, or for openvino:gpu an Intel GPU with its compute runtime",
};

pub(super) struct OpenVino {
    pub on_gpu: bool,
}

impl OpenVino {
    fn hardware(&self) -> DeviceType {
        match self.on_gpu {
            true => DeviceType::GPU,
            false => DeviceType::CPU,
        }
    }

    /// By default OpenVINO computes in bfloat16 on processors that have it, and in float16 on a GPU; the UNet's values,
    /// up to 4, would then differ by 0.3.
    fn configuration(&self, settings: ProviderSettings) -> String {
        let precision = match settings.arithmetic.bfloat16 {
            true => "bf16",
            false => "f32",
        };
        let mut of_device = json!({ "INFERENCE_PRECISION_HINT": precision });
        if settings.threads > 0 && !self.on_gpu {
            of_device["INFERENCE_NUM_THREADS"] = settings.threads.to_string().into();
        }
        let device = if self.on_gpu { "GPU" } else { "CPU" };
        json!({ device: of_device }).to_string()
    }
}

impl Provider for OpenVino {
    fn start(&self, runtime: &Runtime, host: &Host) -> Result<(), RuntimeError> {
        PLUGIN.start(runtime, host, self.hardware())
    }

    fn device_name(&self, runtime: &Runtime) -> Option<String> {
        PLUGIN.device_name(runtime, self.hardware())
    }

    fn register(
        &self,
        builder: SessionBuilder,
        environment: &Environment,
        settings: ProviderSettings,
    ) -> BuilderResult {
        let options = [("load_config", self.configuration(settings))];
        PLUGIN.register(builder, environment, self.hardware(), &options)
    }

    fn memory(&self) -> ort::Result<MemoryInfo<'static>> {
        Err(ort::Error::new("OpenVINO manages its own memory"))
    }
}

/// The wheel for an operating system and processor.
fn pin(system: &str, processor: &str) -> Option<Pin> {
    let (platform, sha256) = match (system, processor) {
        ("linux", "x86_64") => (
            "manylinux_2_28_x86_64",
            "3832643158c8c187fcab6db661cde2a8c06a2b3559d95d0f2411ac0e51c5e924",
        ),
        ("windows", "x86_64") => (
            "win_amd64",
            "1acd878be173b02bb8b953460f2f59b121e5f6e47ebc6aad490c0590cf6718fb",
        ),
        _ => return None,
    };
    Some(Pin {
        name: "onnxruntime-ep-openvino",
        version: "1.8.1",
        platform,
        sha256,
    })
}
