//! In what numbers a device may compute beside float32 and what the weights are in.

use super::ExecutionDevice;

/// What is allowed; a device that does not know it passes it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arithmetic {
    /// TF32 on CUDA: range of float32, ten bits behind the point. As torch has it by default, in convolutions; of the VAE
    /// decoder alone, since the UNet's errors add up over the steps.
    pub tf32: bool,
    /// bfloat16 in OpenVINO: range of float32, seven bits behind the point.
    pub bfloat16: bool,
}

impl Arithmetic {
    /// Nothing beside.
    pub const EXACT: Self = Self {
        tf32: false,
        bfloat16: false,
    };

    /// What of it a device does, in words; `None` where that is nothing.
    pub fn on(self, device: ExecutionDevice) -> Option<&'static str> {
        match device {
            ExecutionDevice::Cuda(_) => self.tf32.then_some("TF32 in the VAE decoder"),
            ExecutionDevice::OpenVino | ExecutionDevice::OpenVinoGpu => {
                self.bfloat16.then_some("bfloat16")
            }
            ExecutionDevice::Cpu | ExecutionDevice::WebGpu => None,
        }
    }
}

impl Default for Arithmetic {
    fn default() -> Self {
        Self {
            tf32: true,
            ..Self::EXACT
        }
    }
}
