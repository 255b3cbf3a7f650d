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
    /// Whether calls of the UNet are filled up to one number of rows, since another number costs it new plans.
    pub pads_calls: bool,
    /// Whether its results may depend on the number of threads.
    pub threads_count: bool,
    /// The elements of a tensor must be fewer than this for its kernels to reach them all.
    pub most_elements: Option<u64>,
}

const CPU: DeviceFacts = DeviceFacts {
    key: "cpu",
    provider: "CPUExecutionProvider",
    is_gpu: false,
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
    pads_calls: true,
    threads_count: false,
    most_elements: Some(1 << 31),
};

impl ExecutionDevice {
    /// What is true of its kind.
    pub fn facts(self) -> &'static DeviceFacts {
        match self {
            Self::Cpu => &CPU,
            Self::Cuda(_) => &CUDA,
        }
    }

    /// Its number among those of its kind; `None` of what there is one of.
    pub fn index(self) -> Option<u32> {
        match self {
            Self::Cpu => None,
            Self::Cuda(index) => Some(index),
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
        let cuda = |index: &str| Some(Self::Cuda(index.parse().ok()?));
        let device = match text.split_once(':') {
            None if text == CPU.key => Some(Self::Cpu),
            Some((key, index)) if key == CUDA.key => cuda(index),
            None | Some(_) => None,
        };
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
        ] {
            assert_eq!(device.to_string(), text);
            assert_eq!(text.parse(), Ok(device));
        }
        for text in ["", "cuda", "cuda:", "cpu:0", "tpu:0"] {
            assert!(text.parse::<ExecutionDevice>().is_err(), "{text}");
        }
    }
}
