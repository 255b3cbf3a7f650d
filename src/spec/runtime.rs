//! `[runtime]` on the command line: parses its words, and lets flags override the sweep file.

use std::borrow::Cow;
use std::fmt;
use std::iter;
use std::num::NonZeroU32;
use std::str::FromStr;

use super::{Batch, Device, MemoryPolicy, Runtime};
use crate::vocabulary::ExecutionDevice;

/// A word that is not a device, memory policy or batch size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct ParseSettingError {
    expected: Cow<'static, str>,
}

impl Device {
    /// The words for a device, of those with an index that of the second.
    pub fn choices() -> Vec<String> {
        Self::spelt("1")
    }

    /// The form of the words, as a regular expression for editors.
    pub(super) fn pattern() -> String {
        format!("^({})$", Self::spelt("[0-9]+").join("|"))
    }

    fn spelt(index: &str) -> Vec<String> {
        let kinds = ExecutionDevice::KINDS.into_iter().flat_map(|kind| {
            let key = kind.facts().key;
            let indexed = kind.index().map(|_| format!("{key}:{index}"));
            iter::once(key.to_owned()).chain(indexed)
        });
        iter::once("auto".to_owned()).chain(kinds).collect()
    }
}

impl FromStr for Device {
    type Err = ParseSettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "cuda" => Ok(Self::Named(ExecutionDevice::Cuda(0))),
            _ => text
                .parse()
                .map(Self::Named)
                .map_err(|_| ParseSettingError {
                    expected: format!("one of {}", Self::spelt("N").join(", ")).into(),
                }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Named(device) => device.fmt(f),
        }
    }
}

impl MemoryPolicy {
    /// The words for a memory policy.
    pub const CHOICES: [&'static str; 3] = ["auto", "resident", "phased"];
}

impl FromStr for MemoryPolicy {
    type Err = ParseSettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "resident" => Ok(Self::Resident),
            "phased" => Ok(Self::Phased),
            _ => Err(ParseSettingError {
                expected: "auto, resident or phased".into(),
            }),
        }
    }
}

impl fmt::Display for MemoryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Resident => "resident",
            Self::Phased => "phased",
        })
    }
}

impl FromStr for Batch {
    type Err = ParseSettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let in_range = |cells: &NonZeroU32| cells.get() <= super::definitions::MAX_BATCH;
        match text {
            "auto" => Ok(Self::Auto),
            _ => text
                .parse()
                .ok()
                .filter(in_range)
                .map(Self::Cells)
                .ok_or(ParseSettingError {
                    expected: "auto or a number from 1 to 1024".into(),
                }),
        }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cells(cells) => write!(f, "{cells}"),
        }
    }
}

/// The flags that override `[runtime]`; `None` keeps the sweep file's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuntimeOverrides {
    /// `--device`.
    pub device: Option<Device>,
    /// `--threads`.
    pub threads: Option<usize>,
    /// `--memory`.
    pub memory: Option<MemoryPolicy>,
    /// `--batch`.
    pub batch: Option<Batch>,
    /// `--memory-limit-mib`.
    pub memory_limit_mib: Option<NonZeroU32>,
}

impl Runtime {
    /// These settings, overridden by the flags.
    pub fn overridden(self, flags: RuntimeOverrides) -> Self {
        Self {
            device: flags.device.unwrap_or(self.device),
            threads: flags.threads.unwrap_or(self.threads),
            memory: flags.memory.unwrap_or(self.memory),
            batch: flags.batch.unwrap_or(self.batch),
            memory_limit_mib: flags.memory_limit_mib.or(self.memory_limit_mib),
            arithmetic: self.arithmetic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_as_written() {
        assert_eq!("auto".parse(), Ok(Device::Auto));
        let named = |device| Ok(Device::Named(device));
        assert_eq!("cpu".parse(), named(ExecutionDevice::Cpu));
        assert_eq!("cuda".parse(), named(ExecutionDevice::Cuda(0)));
        assert_eq!("cuda:3".parse(), named(ExecutionDevice::Cuda(3)));
        assert_eq!("webgpu".parse(), named(ExecutionDevice::WebGpu));
        for choice in Device::choices() {
            assert!(choice.parse::<Device>().is_ok(), "{choice}");
        }
        for wrong in [
            "",
            "CUDA",
            "gpu",
            "cuda:",
            "cuda:+1",
            "cuda:-1",
            "cuda:99999999999",
        ] {
            let error = wrong.parse::<Device>().unwrap_err();
            let expected =
                "expected one of auto, cpu, cuda, cuda:N, webgpu, openvino, openvino:gpu";
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn memory_and_batch_are_read_as_written() {
        assert_eq!("phased".parse(), Ok(MemoryPolicy::Phased));
        assert!("big".parse::<MemoryPolicy>().is_err());
        assert_eq!("auto".parse(), Ok(Batch::Auto));
        assert_eq!("8".parse::<Batch>().unwrap().to_string(), "8");
        for wrong in ["0", "-1", "1025", "many", ""] {
            assert!(wrong.parse::<Batch>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn flags_win_over_the_sweep_file() {
        let flags = RuntimeOverrides {
            device: Some(Device::Named(ExecutionDevice::Cpu)),
            ..RuntimeOverrides::default()
        };
        let file = Runtime {
            device: Device::Named(ExecutionDevice::Cuda(1)),
            threads: 3,
            ..Runtime::default()
        };
        let runtime = file.overridden(flags);
        let cpu = Device::Named(ExecutionDevice::Cpu);
        assert_eq!((runtime.device, runtime.threads), (cpu, 3));
    }
}
