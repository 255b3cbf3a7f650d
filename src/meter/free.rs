//! How much memory a run may plan with.

use std::fs;

use super::vram::Vram;

/// Free bytes of a CUDA device, or of the machine; `None` where the system does not say.
pub fn free_bytes(cuda_device: Option<u32>) -> Option<u64> {
    match cuda_device {
        Some(index) => Vram::open(index)?.free_bytes(),
        None => available_kib(&fs::read_to_string("/proc/meminfo").ok()?).map(|kib| kib * 1024),
    }
}

/// Linux's own estimate of what can be taken without swapping (proc(5), MemAvailable).
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
