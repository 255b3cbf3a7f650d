//! How much the engine does at a time.

use std::fmt;

/// How much the engine does and holds in memory at a time; it never changes a pixel beyond rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether only one component is in memory at a time.
    pub phased: bool,
    /// Cells denoised together, in each call.
    pub batch: usize,
    /// UNet rows a call: more rows need more memory, and are faster on a GPU or with small latents.
    pub unet_rows: usize,
    /// How many UNet calls a step may fill; `batch` and `unet_rows` are limits of one call.
    pub calls: usize,
    /// Whether calls with fewer rows are padded, so that a GPU sees only one shape for all cells with the same
    /// sampling.
    pub pad: bool,
    /// Whether `unet_rows` and `batch` are set by probing the device's memory; if the device does not report it, they
    /// stay.
    pub probe: bool,
}

impl Policy {
    /// The least at a time with all components in memory.
    pub const ONE_CELL: Self = Self {
        phased: false,
        batch: 1,
        unet_rows: 1,
        calls: 1,
        pad: false,
        probe: false,
    };

    /// `resident` or `phased`, as in the sweep file.
    pub fn memory(self) -> &'static str {
        if self.phased { "phased" } else { "resident" }
    }

    /// The policy to try when the device runs out of memory: half the batch, then fewer rows, then one component at a
    /// time; `None` if nothing smaller is left.
    pub fn smaller(self) -> Option<Self> {
        if self.batch > 1 {
            Some(Self {
                batch: self.batch / 2,
                unet_rows: self.unet_rows.div_ceil(2),
                probe: false,
                ..self
            })
        } else if self.unet_rows > 1 {
            Some(Self {
                unet_rows: 1,
                ..self
            })
        } else if !self.phased {
            Some(Self {
                phased: true,
                ..self
            })
        } else {
            None
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "batch {}, {} UNet {} a call, {} memory",
            self.batch,
            self.unet_rows,
            if self.unet_rows == 1 { "row" } else { "rows" },
            self.memory()
        )
    }
}
