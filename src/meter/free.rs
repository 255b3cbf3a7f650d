//! How much free memory a run can plan with.

use std::fs;

use super::vram::Vram;
use crate::vocabulary::{ExecutionDevice, MemoryCount};

/// Free memory of a device in bytes; `None` if the system does not report it.
pub fn free_bytes(device: ExecutionDevice) -> Option<u64> {
    match device.facts().memory {
        MemoryCount::Nvml => Vram::of(device)?.free_bytes(),
        MemoryCount::System => {
            available_kib(&fs::read_to_string("/proc/meminfo").ok()?).map(|kib| kib * 1024)
        }
        MemoryCount::Nobody => None,
    }
}

/// Linux's own estimate of memory available without swapping (proc(5), MemAvailable).
fn available_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_available_memory_is_read_not_the_free_one() {
        let meminfo = "MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable:   60 kB\n";
        assert_eq!(available_kib(meminfo), Some(60));
        assert_eq!(available_kib("MemTotal: 100 kB\n"), None);
    }
}
