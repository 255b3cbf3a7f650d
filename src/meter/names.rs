//! The names of this machine's processor and GPU.

use std::fs;

use super::vram::Vram;
use crate::vocabulary::{ExecutionDevice, MemoryCount};

/// A device's product name; `None` if the system does not report it.
pub fn device_name(device: ExecutionDevice) -> Option<String> {
    match device.facts().memory {
        MemoryCount::Nvml => Vram::of(device)?.name(),
        MemoryCount::System => cpu_name(),
        MemoryCount::Nobody => None,
    }
}

/// The processor's product name; `None` if the system does not report it.
pub fn cpu_name() -> Option<String> {
    model_name(&fs::read_to_string("/proc/cpuinfo").ok()?)
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_follows_the_colon() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2:1 GHz\nflags\t: x\n";
        assert_eq!(model_name(cpuinfo).as_deref(), Some("Some CPU @ 2:1 GHz"));
        assert_eq!(model_name("processor: 0\n"), None);
    }
}
