//! The results of a benchmark, as `ip2p bench --json` prints them. A missing value is unknown, never 0.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timing;
use crate::store::Environment;

/// UNet rows of a step: with the instruction, with the negative prompt, and without either condition.
pub const ROWS_A_STEP: u32 = 3;

/// The results for one model at one size on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Benchmark {
    /// The model folder, as given.
    pub model: String,
    /// The precision in which its UNet computes: `fp32`, `fp16`, `fp16-weights`.
    pub precision: String,
    /// Width of the images in pixels.
    pub width: u32,
    /// Height of the images in pixels.
    pub height: u32,
    /// The machine and its libraries.
    pub environment: Environment,
    /// The four components, in the order of a run.
    pub components: Vec<ComponentCost>,
    /// Time to encode a text.
    pub encode_text: Timing,
    /// Time to encode an image.
    pub encode_image: Timing,
    /// UNet calls, in the order requested.
    pub unet: Vec<UnetCalls>,
    /// Time to decode an image.
    pub decode: Timing,
    /// Memory of a run.
    pub memory: MemoryCost,
    /// The estimated cost of a cell; `None` if no UNet call succeeded.
    pub cell: Option<CellCost>,
    /// Notes for the user on the device and the image.
    pub notes: Vec<String>,
}

/// One component, loaded alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentCost {
    /// Its folder: `text_encoder`, `vae_encoder`, `unet`, `vae_decoder`.
    pub component: String,
    /// Graph and weights on disk, in MiB.
    pub file_mib: f64,
    /// Milliseconds from file to session; files read recently are in the system's cache.
    pub load_ms: f64,
    /// Peak of memory while it worked, in MiB.
    pub peak_mib: Option<f64>,
}

/// The UNet's calls with one number of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnetCalls {
    /// Rows of a call.
    pub rows: usize,
    /// `None` if memory ran out.
    pub timing: Option<Timing>,
}

impl UnetCalls {
    /// Milliseconds a row.
    pub fn row_ms(&self) -> Option<f64> {
        let timing = self.timing.as_ref()?;
        Some(timing.median_ms / self.rows as f64)
    }
}

/// The memory that a run needs, read from the meter that [`MemoryCost::source`] names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryCost {
    /// `rss` (this process), `ort-arena`, `nvml-process` or `nvml-device-rise`.
    pub source: String,
    /// With one component loaded at a time.
    pub phased_mib: Option<f64>,
    /// With all components loaded: an upper bound, because they do not work at the same time.
    pub resident_mib: Option<f64>,
}

/// The cost of a cell that shares nothing with others, without encoding its text and image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellCost {
    /// Denoising steps, each with one UNet evaluation.
    pub num_inference_steps: u32,
    /// Rows of a UNet call: the number with the least time a row.
    pub rows: usize,
    /// Time for denoising and decoding, in seconds.
    pub seconds: f64,
    /// Cells an hour.
    pub cells_an_hour: f64,
}

impl CellCost {
    /// The cost with the fastest of the UNet's calls; `None` if there are none.
    pub fn new(unet: &[UnetCalls], decode: &Timing, num_inference_steps: u32) -> Option<Self> {
        let timed = unet
            .iter()
            .filter_map(|calls| Some((calls.rows, calls.row_ms()?)));
        let (rows, row_ms) = timed.min_by(|one, other| one.1.total_cmp(&other.1))?;
        let rows_of_cell = f64::from(num_inference_steps * ROWS_A_STEP);
        let seconds = (rows_of_cell * row_ms + decode.median_ms) / 1e3;
        Some(Self {
            num_inference_steps,
            rows,
            seconds,
            cells_an_hour: 3600.0 / seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(rows: usize, median_ms: Option<f64>) -> UnetCalls {
        let timing = median_ms.map(|median_ms| Timing {
            median_ms,
            fastest_ms: median_ms,
            slowest_ms: median_ms,
            calls: 3,
        });
        UnetCalls { rows, timing }
    }

    #[test]
    fn a_cell_takes_three_rows_a_step_at_the_best_number_of_rows() {
        let unet = [
            calls(1, Some(12.0)),
            calls(3, Some(30.0)),
            calls(6, Some(66.0)),
            calls(12, None),
        ];
        let decode = calls(1, Some(400.0)).timing.unwrap();
        let cell = CellCost::new(&unet, &decode, 20).unwrap();
        assert_eq!(cell.rows, 3);
        assert_eq!(cell.seconds, 1.0);
        assert_eq!(cell.cells_an_hour, 3600.0);
        assert_eq!(CellCost::new(&unet[3..], &decode, 20), None);
    }
}
