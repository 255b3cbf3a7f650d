//! How much at a time.

use std::fmt;

/// How much the engine does and holds at a time; never changes a pixel beyond rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// One component in memory at a time.
    pub phased: bool,
    /// Cells denoised together.
    pub batch: usize,
    /// Rows in one call of the UNet: more need more memory, and are faster on a GPU and with small latents.
    pub unet_rows: usize,
    /// Calls of the UNet that the rows of one step may fill: `batch` and `unet_rows` are those of one call.
    pub calls: usize,
    /// Whether calls with fewer rows are filled up, so that a GPU sees one shape for all cells that are sampled alike.
    pub pad: bool,
    /// Whether the device's memory settles `unet_rows` and `batch`: these are what holds where it does not say.
    pub probe: bool,
}

impl Policy {
    /// As little as can be done at a time with all components in memory.
    pub const ONE_CELL: Self = Self {
        phased: false,
        batch: 1,
        unet_rows: 1,
        calls: 1,
        pad: false,
        probe: false,
    };

    /// How many components are in memory at a time, as the sweep file calls it.
    pub fn memory(self) -> &'static str {
        if self.phased { "phased" } else { "resident" }
    }

    /// What to try when the device ran out of memory: half the batch, then fewer rows, then one component
    /// at a time, then nothing.
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
