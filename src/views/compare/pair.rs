//! The measures of one cell in both runs.

use image::RgbImage;

use super::matching::label;
use crate::judge::difference::{Difference, difference};
use crate::store::Run;
use crate::views::difference::{Scale, p99};
use crate::views::pairs::Side;
use crate::vocabulary::{CellKey, ClipMeasures, Parameter, Record};

/// A cell that both runs have.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Its index in the plan of the first and of the second run.
    pub cells: [usize; 2],
    /// Its key in either run.
    pub keys: [CellKey; 2],
    /// The values of the axes.
    pub values: Vec<String>,
    /// A readable label that distinguishes it from other pairs.
    pub label: String,
    /// Whether either run has an image of it.
    pub has_image: [bool; 2],
    /// The difference of the images, or why there is none.
    pub difference: Result<Difference, String>,
    /// The 99th percentile of the level difference.
    pub level_p99: u8,
    /// Milliseconds of denoising. Encoding is left out because it counts for whichever cell came first.
    pub denoise_ms: [Option<f64>; 2],
    /// Peak of device memory in MiB, or of resident memory if either run has no device memory.
    pub peak_mib: [Option<f64>; 2],
    /// Similarity to the input, if the same CLIP model measured both.
    pub clip_image_similarity: [Option<f64>; 2],
    /// Agreement of the edit with its captions, if the same CLIP model measured both with the same captions.
    pub clip_direction_similarity: [Option<f64>; 2],
}

impl Pair {
    /// Reads and measures both cells. `distinguishing` are the axes in which the pairs differ.
    pub(super) fn measure(
        runs: [&Run; 2],
        cells: [usize; 2],
        axes: &[Parameter],
        distinguishing: &[Parameter],
    ) -> Self {
        let found = [0, 1].map(|which| &runs[which].plan.cells[cells[which]]);
        let records = [0, 1].map(|which| runs[which].records.get(&found[which].key));
        let keys = found.map(|cell| cell.key.clone());
        let images = [0, 1].map(|which| image(runs, which, &keys[which]));
        let has_image = images.each_ref().map(Result::is_ok);
        let level_p99 = match &images {
            [Ok(a), Ok(b)] => p99(a, b),
            _ => 0,
        };
        let difference = match images {
            [Ok(a), Ok(b)] => match difference(&a, &b) {
                Ok(difference) => Ok(difference),
                Err(error) => Err(error.to_string()),
            },
            [Err(reason), _] | [_, Err(reason)] => Err(reason),
        };
        let clip = alike(records, |one, other| one.clip_sha256 == other.clip_sha256);
        let captioned = alike(records, |one, other| {
            one.was_made_with(&other.clip_sha256, &other.captions)
        });
        Self {
            cells,
            clip_image_similarity: clip.map(|clip| Some(clip?.clip_image_similarity)),
            clip_direction_similarity: captioned.map(|clip| clip?.clip_direction_similarity),
            values: axes
                .iter()
                .map(|&axis| found[0].parameters.text(axis))
                .collect(),
            label: label(&found[0].parameters, distinguishing, keys[0].as_str()),
            has_image,
            difference,
            level_p99,
            denoise_ms: records.map(|record| record?.times.denoise_ms),
            peak_mib: peaks(records),
            keys,
        }
    }

    /// One of its pictures, if it exists. It is read again each time, because those of all pairs would not fit into
    /// memory.
    pub(super) fn picture(&self, runs: [&Run; 2], side: Side, scale: Scale) -> Option<RgbImage> {
        let image = |which: usize| image(runs, which, &self.keys[which]).ok();
        match side {
            Side::A => image(0),
            Side::B => image(1),
            Side::Difference => {
                self.difference.as_ref().ok()?;
                scale.picture(&image(0)?, &image(1)?)
            }
        }
    }

    /// The second run's time divided by the first's.
    pub fn time_ratio(&self) -> Option<f64> {
        ratio(self.denoise_ms)
    }

    /// The second run's memory divided by the first's.
    pub fn memory_ratio(&self) -> Option<f64> {
        ratio(self.peak_mib)
    }
}

/// The image of a cell in one of the runs, or why there is none.
fn image(runs: [&Run; 2], which: usize, key: &CellKey) -> Result<RgbImage, String> {
    if runs[which].image_path(key).is_none() {
        let run = ["the first run", "the second run"][which];
        return Err(format!("{run} has no image of it"));
    }
    runs[which].image(key).map_err(|bad| {
        let path = runs[which].folder.join(&bad.file);
        format!("{} {}; run that sweep again", path.display(), bad.reason)
    })
}

/// Memory peaks of the same kind in both runs, so that they can be compared.
fn peaks(records: [Option<&Record>; 2]) -> [Option<f64>; 2] {
    let of = |peak: fn(&Record) -> Option<f64>| records.map(|record| record.and_then(peak));
    match of(|record| record.vram_peak_mib) {
        [Some(one), Some(other)] => [Some(one), Some(other)],
        _ => of(|record| record.rss_peak_mib),
    }
}

/// A measure of CLIP, if both cells have it and the values are comparable.
fn alike(
    records: [Option<&Record>; 2],
    comparable: impl Fn(&ClipMeasures, &ClipMeasures) -> bool,
) -> [Option<&ClipMeasures>; 2] {
    match records.map(|record| record?.clip.as_ref()) {
        [Some(one), Some(other)] if comparable(one, other) => [Some(one), Some(other)],
        _ => [None, None],
    }
}

fn ratio(values: [Option<f64>; 2]) -> Option<f64> {
    let ratio = values[1]? / values[0]?;
    ratio.is_finite().then_some(ratio)
}
