//! Where inference runs, and what is true of each kind of device wherever one asks.
//!
//! How a provider of ONNX Runtime is found, loaded and given to a session stands in `onnxruntime/provider/`, a file each.

use std::fmt;
use std::str::FromStr;

/// Where sessions run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExecutionDevice {
    /// The processor.
    Cpu,
    /// The NVIDIA GPU to which CUDA gives this index.
    Cuda(u32),
    /// The GPU that WebGPU chooses, of whatever maker.
    WebGpu,
    /// Intel's processor, through OpenVINO.
    OpenVino,
    /// Intel's GPU, through OpenVINO.
    OpenVinoGpu,
}

/// What is true of a kind of device.
#[derive(Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// As sweep files and records call it, without an index.
    pub key: &'static str,
    /// ONNX Runtime's name of its execution provider.
    pub provider: &'static str,
    /// Whether it is a GPU, with memory that is not the process's.
    pub is_gpu: bool,
    /// Who counts its memory.
    pub memory: MemoryCount,
    /// Whether ONNX Runtime can be kept to a part of its memory.
    pub takes_limit: bool,
    /// Whether calls of the UNet are filled up to one number of rows, since another number costs it new plans.
    pub pads_calls: bool,
    /// Whether its results may depend on the number of threads.
    pub threads_count: bool,
    /// The elements of a tensor must be fewer than this for its kernels to reach them all.
    pub most_elements: Option<u64>,
}

/// Who counts a device's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryCount {
    /// The system: it is the process's own.
    System,
    /// NVIDIA's management library.
    Nvml,
    /// Nobody whom one could ask.
    Nobody,
}

const CPU: DeviceFacts = DeviceFacts {
    key: "cpu",
    provider: "CPUExecutionProvider",
    is_gpu: false,
    memory: MemoryCount::System,
    takes_limit: true,
    pads_calls: false,
    threads_count: true,
    most_elements: None,
};

/// Every change of shape rebuilds the plan of every convolution
/// ([#23006](https://github.com/microsoft/onnxruntime/issues/23006)); several kernels index with 32 bits
/// ([#32299](https://github.com/microsoft/onnxruntime/issues/32299)).
const CUDA: DeviceFacts = DeviceFacts {
    key: "cuda",
    provider: "CUDAExecutionProvider",
    is_gpu: true,
    memory: MemoryCount::Nvml,
    takes_limit: true,
    pads_calls: true,
    threads_count: false,
    most_elements: Some(1 << 31),
};

/// Its allocator is no arena: it neither says what it holds nor takes a limit. A buffer that is larger than a binding may
/// be is refused aloud, long before its elements cannot be counted. New shapes are new shaders.
const WEBGPU: DeviceFacts = DeviceFacts {
    key: "webgpu",
    provider: "WebGpuExecutionProvider",
    is_gpu: true,
    memory: MemoryCount::Nobody,
    takes_limit: false,
    pads_calls: true,
    threads_count: false,
    most_elements: None,
};

/// OpenVINO's own allocations pass by ONNX Runtime's.
const OPENVINO: DeviceFacts = DeviceFacts {
    key: "openvino",
    provider: "OpenVINOExecutionProvider",
    is_gpu: false,
    memory: MemoryCount::System,
    takes_limit: false,
    pads_calls: false,
    threads_count: true,
    most_elements: None,
};

const OPENVINO_GPU: DeviceFacts = DeviceFacts {
    key: "openvino:gpu",
    is_gpu: true,
    memory: MemoryCount::Nobody,
    pads_calls: true,
    threads_count: false,
    ..OPENVINO
};

impl ExecutionDevice {
    /// One of each kind.
    pub const KINDS: [Self; 5] = [
        Self::Cpu,
        Self::Cuda(0),
        Self::WebGpu,
        Self::OpenVino,
        Self::OpenVinoGpu,
    ];

    /// What is true of its kind.
    pub fn facts(self) -> &'static DeviceFacts {
        match self {
            Self::Cpu => &CPU,
            Self::Cuda(_) => &CUDA,
            Self::WebGpu => &WEBGPU,
            Self::OpenVino => &OPENVINO,
            Self::OpenVinoGpu => &OPENVINO_GPU,
        }
    }

    /// Its number among those of its kind; `None` of what there is one of.
    pub fn index(self) -> Option<u32> {
        match self {
            Self::Cuda(index) => Some(index),
            Self::Cpu | Self::WebGpu | Self::OpenVino | Self::OpenVinoGpu => None,
        }
    }

    /// The one of its kind with another number; `None` of what there is one of.
    fn numbered(self, index: u32) -> Option<Self> {
        match self {
            Self::Cuda(_) => Some(Self::Cuda(index)),
            Self::Cpu | Self::WebGpu | Self::OpenVino | Self::OpenVinoGpu => None,
        }
    }
}

impl fmt::Display for ExecutionDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.facts().key;
        match self.index() {
            None => f.write_str(key),
            Some(index) => write!(f, "{key}:{index}"),
        }
    }
}

/// A device that no record of this version names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a device")]
pub struct UnknownDevice(String);

impl FromStr for ExecutionDevice {
    type Err = UnknownDevice;

    /// As [`ExecutionDevice`] is displayed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let device = Self::KINDS.into_iter().find_map(|kind| {
            let rest = text.strip_prefix(kind.facts().key)?;
            match kind.index() {
                None => rest.is_empty().then_some(kind),
                Some(_) => kind.numbered(rest.strip_prefix(':').and_then(whole)?),
            }
        });
        device.ok_or_else(|| UnknownDevice(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_back_as_it_was_written() {
        for (device, text) in [
            (ExecutionDevice::Cpu, "cpu"),
            (ExecutionDevice::Cuda(0), "cuda:0"),
            (ExecutionDevice::Cuda(11), "cuda:11"),
            (ExecutionDevice::WebGpu, "webgpu"),
            (ExecutionDevice::OpenVino, "openvino"),
            (ExecutionDevice::OpenVinoGpu, "openvino:gpu"),
        ] {
            assert_eq!(device.to_string(), text);
            assert_eq!(text.parse(), Ok(device));
        }
        for text in [
            "",
            "cuda",
            "cuda:",
            "cuda:+1",
            "cpu:0",
            "webgpu:0",
            "openvino:1",
            "tpu:0",
        ] {
            assert!(text.parse::<ExecutionDevice>().is_err(), "{text}");
        }
    }
}
