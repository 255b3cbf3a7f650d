//! Where inference runs, and what the rest of the program needs to know about each kind of device.
//!
//! How a provider of ONNX Runtime is found, loaded and given to a session is in `onnxruntime/provider/`, one file each.

use std::fmt;
use std::str::FromStr;

/// Where sessions run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExecutionDevice {
    /// The processor.
    Cpu,
    /// The NVIDIA GPU with this CUDA index.
    Cuda(u32),
    /// The GPU that WebGPU chooses, from any vendor.
    WebGpu,
    /// An Intel CPU, through OpenVINO.
    OpenVino,
    /// An Intel GPU, through OpenVINO.
    OpenVinoGpu,
}

/// What is true of a kind of device.
#[derive(Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Its name in sweep files and records, without an index.
    pub key: &'static str,
    /// The name of its execution provider in ONNX Runtime.
    pub provider: &'static str,
    /// Whether it is a GPU, whose memory is not the process's own.
    pub is_gpu: bool,
    /// Where its memory use can be read.
    pub memory: MemoryCount,
    /// Whether ONNX Runtime can be limited to a part of its memory.
    pub takes_limit: bool,
    /// Whether UNet calls are padded to a constant number of rows, because the provider has to plan anew for every
    /// other number.
    pub pads_calls: bool,
    /// Whether its results may depend on the number of threads.
    pub threads_count: bool,
    /// A tensor must have fewer elements than this, or the provider's kernels do not reach all of them.
    pub most_elements: Option<u64>,
}

/// Where a device's memory use can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryCount {
    /// From the operating system: the memory is the process's own.
    System,
    /// From NVIDIA's management library, NVML.
    Nvml,
    /// Nowhere.
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

/// CUDA rebuilds the plan of every convolution at each change of shape
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

/// WebGPU's allocator is not an arena: it neither reports its use nor takes a limit. A buffer beyond the binding limit
/// is refused with an error, long before the number of its elements overflows. Every new shape needs new shaders.
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

/// OpenVINO allocates memory that ONNX Runtime does not know of.
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
    /// One device of each kind.
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

    /// Its index among devices of its kind; `None` for kinds with a single device.
    pub fn index(self) -> Option<u32> {
        match self {
            Self::Cuda(index) => Some(index),
            Self::Cpu | Self::WebGpu | Self::OpenVino | Self::OpenVinoGpu => None,
        }
    }

    /// The device of the same kind with another index; `None` for kinds with a single device.
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

/// Text that names no device of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a device")]
pub struct UnknownDevice(String);

impl FromStr for ExecutionDevice {
    type Err = UnknownDevice;

    /// Reads what [`ExecutionDevice`] displays.
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
