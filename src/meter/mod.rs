//! Measures time, device memory and resident memory, and names the devices measured.

pub(crate) mod cuda_driver;
mod free;
mod names;
mod vram;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use free::free_bytes;
pub use names::{cpu_name, device_name};
use vram::Vram;

use crate::vocabulary::ExecutionDevice;

/// How often memory is sampled in the background.
const PERIOD: Duration = Duration::from_millis(20);
/// Reading device memory may take at most 1/n of the time, because some drivers need milliseconds to list a GPU's
/// processes.
const READING_SHARE: u32 = 100;
const MIB: f64 = (1 << 20) as f64;

/// Milliseconds elapsed since `begun`.
pub fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

/// Memory in MiB; `None` means unknown, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Memory {
    /// GPU memory: the peak of ONNX Runtime's arenas or, if they do not report it, the same as `vram_device_mib`.
    pub vram_mib: Option<f64>,
    /// GPU memory as NVIDIA's management library sees it.
    pub vram_device_mib: Option<f64>,
    /// Resident memory of this process.
    pub rss_mib: Option<f64>,
}

impl Memory {
    /// The larger of each pair of values.
    fn max(self, other: Self) -> Self {
        let larger = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        Self {
            vram_mib: larger(self.vram_mib, other.vram_mib),
            vram_device_mib: larger(self.vram_device_mib, other.vram_device_mib),
            rss_mib: larger(self.rss_mib, other.rss_mib),
        }
    }
}

/// Samples memory and keeps the peaks; a thread also samples every 20 ms between calls.
#[derive(Debug)]
pub struct Meter {
    state: Arc<Mutex<State>>,
    /// Dropping it ends the thread.
    _running: Sender<()>,
}

#[derive(Debug)]
struct State {
    on_gpu: bool,
    vram: Option<Vram>,
    /// The last value of the management library, and when to ask again.
    vram_device_mib: Option<f64>,
    vram_due: Instant,
    /// The arenas' last value, if they have reported one since [`Meter::begin`].
    arena_mib: Option<f64>,
    peaks: Memory,
}

impl State {
    fn sample(&mut self) -> Memory {
        let resident = memory_stats::memory_stats().map(|stats| stats.physical_mem as f64 / MIB);
        let source = self.vram.as_ref().map(Vram::source);
        if Instant::now() >= self.vram_due {
            self.read_device();
        }
        let now = Memory {
            vram_mib: self.arena_mib.or(self.vram_device_mib),
            vram_device_mib: self.vram_device_mib,
            rss_mib: resident,
        };
        if self.vram.as_ref().map(Vram::source) != source {
            // The peak so far included other processes.
            self.peaks.vram_device_mib = None;
            self.peaks.vram_mib = self.arena_mib;
        }
        self.peaks = self.peaks.max(now);
        now
    }

    fn read_device(&mut self) {
        let begun = Instant::now();
        self.vram_device_mib = self.vram.as_mut().and_then(Vram::used_mib);
        let ended = Instant::now();
        self.vram_due = ended + READING_SHARE * (ended - begun);
    }
}

impl Meter {
    /// A meter for this process and its device. Without NVIDIA's management library, device memory is unknown.
    pub fn new(device: ExecutionDevice) -> Self {
        let vram = Vram::of(device);
        let state = Arc::new(Mutex::new(State {
            on_gpu: device.facts().is_gpu,
            vram,
            vram_device_mib: None,
            vram_due: Instant::now(),
            arena_mib: None,
            peaks: Memory::default(),
        }));
        let (_running, end) = channel();
        let watched = Arc::clone(&state);
        // Without the thread there are only fewer samples.
        let _ = thread::Builder::new()
            .name("meter".to_owned())
            .spawn(move || watch(&watched, &end));
        Self { state, _running }
    }

    /// Forgets the peaks and the arenas' values, which belong to other components.
    pub fn begin(&mut self) {
        let mut state = lock(&self.state);
        state.peaks = Memory::default();
        state.arena_mib = None;
        state.sample();
    }

    /// Samples the memory in use now.
    pub fn sample(&mut self) -> Memory {
        lock(&self.state).sample()
    }

    /// The peaks since [`Meter::begin`].
    pub fn peaks(&mut self) -> Memory {
        let mut state = lock(&self.state);
        state.sample();
        state.peaks
    }

    /// Notes the peak that ONNX Runtime's arenas report, in bytes. It counts as device memory only on a GPU; on the CPU
    /// it is part of resident memory.
    pub fn note_arena(&mut self, peak_bytes: Option<u64>) {
        let mut state = lock(&self.state);
        if !state.on_gpu {
            return;
        }
        if state.arena_mib.is_none() && peak_bytes.is_some() {
            // The peak kept so far came from another source.
            state.peaks.vram_mib = None;
        }
        state.arena_mib = peak_bytes.map(|bytes| bytes as f64 / MIB);
        state.sample();
    }

    /// Where device memory is read: `ort-arena` or, if that is unknown, [`Meter::vram_device_source`].
    pub fn vram_source(&self) -> Option<&'static str> {
        let state = lock(&self.state);
        match state.arena_mib {
            Some(_) => Some("ort-arena"),
            None => state.vram.as_ref().map(Vram::source),
        }
    }

    /// What NVIDIA's management library counts: `nvml-process` (only this process) or `nvml-device-rise` (the rise in
    /// use of the whole device, if the driver does not tell processes apart).
    pub fn vram_device_source(&self) -> Option<&'static str> {
        lock(&self.state).vram.as_ref().map(Vram::source)
    }
}

fn watch(state: &Mutex<State>, end: &Receiver<()>) {
    while end.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
        lock(state).sample();
    }
}

/// Even if a thread panicked while holding the lock, the values are consistent.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_kept_until_the_next_begin() {
        let mut meter = Meter::new(ExecutionDevice::Cpu);
        meter.begin();
        let before = meter.sample().rss_mib.unwrap();
        let block = vec![1u8; 64 << 20];
        assert!(block.iter().step_by(4096).all(|&byte| byte == 1));
        meter.sample();
        drop(block);
        let peak = meter.peaks().rss_mib.unwrap();
        assert!(peak > before + 32.0, "{peak} {before}");
        assert_eq!(meter.peaks().vram_mib, None);
        assert_eq!(meter.vram_source(), None);
    }

    #[test]
    fn arenas_are_device_memory_on_a_gpu_only() {
        let mut meter = Meter::new(ExecutionDevice::Cpu);
        meter.note_arena(Some(64 << 20));
        assert_eq!(meter.peaks().vram_mib, None);
        assert_eq!(meter.vram_source(), None);

        // No machine has this many GPUs, so the management library reports nothing.
        let mut meter = Meter::new(ExecutionDevice::Cuda(9999));
        meter.begin();
        meter.note_arena(Some(64 << 20));
        meter.note_arena(Some(32 << 20));
        assert_eq!(meter.sample().vram_mib, Some(32.0));
        assert_eq!(meter.peaks().vram_mib, Some(64.0));
        assert_eq!(meter.vram_source(), Some("ort-arena"));
        assert_eq!(meter.peaks().vram_device_mib, None);
        meter.note_arena(None);
        assert_eq!(meter.sample().vram_mib, None);
        assert_eq!(meter.peaks().vram_mib, Some(64.0));

        meter.note_arena(Some(64 << 20));
        meter.begin();
        assert_eq!(meter.peaks().vram_mib, None, "said before the beginning");
        meter.note_arena(Some(16 << 20));
        assert_eq!(meter.peaks().vram_mib, Some(16.0));
    }

    #[test]
    fn unknown_memory_stays_unknown_and_known_memory_grows() {
        let unknown = Memory::default();
        let known = Memory {
            vram_mib: Some(3.0),
            vram_device_mib: None,
            rss_mib: None,
        };
        assert_eq!(unknown.max(unknown), unknown);
        assert_eq!(known.max(unknown), known);
        assert_eq!(unknown.max(known), known);
    }
}
