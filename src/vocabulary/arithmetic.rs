//! Which number formats besides float32 and that of the weights a device may compute in.

use super::ExecutionDevice;

/// The number formats allowed; a device ignores those that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arithmetic {
    /// TF32 on CUDA: the range of float32 with a mantissa of ten bits. Used for convolutions, as torch does by default,
    /// and only in the VAE decoder, because the UNet's errors would add up over the steps.
    pub tf32: bool,
    /// bfloat16 in OpenVINO: the range of float32 with a mantissa of seven bits.
    pub bfloat16: bool,
}

impl Arithmetic {
    /// Only float32 and the weights' own format.
    pub const EXACT: Self = Self {
        tf32: false,
        bfloat16: false,
    };

    /// The formats that this device uses, in words; `None` if it uses none of them.
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
