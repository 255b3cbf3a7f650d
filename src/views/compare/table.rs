//! The pairs as CSV.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{CompareError, Comparison, Pair};
use crate::store::{CsvNumber as Number, CsvText as Text, to_csv};
use crate::vocabulary::Parameter;

/// A row of `compare.csv`: the values of the axes, then both cells and the measures; empty if unknown.
#[derive(Debug, Serialize)]
struct Row<'a>(AxisColumns<'a>, PairColumns<'a>);

/// The values of the axes, in columns named by their keys.
#[derive(Debug)]
struct AxisColumns<'a> {
    axes: &'a [Parameter],
    values: &'a [String],
}

#[derive(Debug, Serialize)]
struct PairColumns<'a> {
    cell_a: Text<'a>,
    cell_b: Text<'a>,
    perceptual_mean: Number<4>,
    perceptual_p99: Number<4>,
    ssim: Number<5>,
    level_mean: Number<3>,
    level_max: Option<u8>,
    denoise_a_ms: Number<1>,
    denoise_b_ms: Number<1>,
    time_ratio: Number<3>,
    peak_a_mib: Number<1>,
    peak_b_mib: Number<1>,
    memory_ratio: Number<3>,
    clip_image_similarity_a: Number<5>,
    clip_image_similarity_b: Number<5>,
    clip_direction_similarity_a: Number<5>,
    clip_direction_similarity_b: Number<5>,
    error: Text<'a>,
}

/// `compare.csv`.
pub(super) fn csv(comparison: &Comparison) -> Result<Vec<u8>, CompareError> {
    let rows = comparison.pairs.iter().map(|pair| {
        let values = AxisColumns {
            axes: &comparison.axes,
            values: &pair.values,
        };
        Row(values, PairColumns::new(pair))
    });
    Ok(to_csv(rows)?)
}

impl<'a> PairColumns<'a> {
    fn new(pair: &'a Pair) -> Self {
        let difference = pair.difference.as_ref();
        let error = difference.err().map(String::as_str);
        let difference = difference.ok();
        let [denoise_a_ms, denoise_b_ms] = pair.denoise_ms.map(Number);
        let [peak_a_mib, peak_b_mib] = pair.peak_mib.map(Number);
        let [clip_image_similarity_a, clip_image_similarity_b] =
            pair.clip_image_similarity.map(Number);
        let [clip_direction_similarity_a, clip_direction_similarity_b] =
            pair.clip_direction_similarity.map(Number);
        Self {
            cell_a: Text(pair.keys[0].as_str()),
            cell_b: Text(pair.keys[1].as_str()),
            perceptual_mean: Number(difference.map(|it| it.perceptual_mean)),
            perceptual_p99: Number(difference.map(|it| it.perceptual_p99)),
            ssim: Number(difference.map(|it| it.ssim)),
            level_mean: Number(difference.map(|it| it.level_mean)),
            level_max: difference.map(|it| it.level_max),
            denoise_a_ms,
            denoise_b_ms,
            time_ratio: Number(pair.time_ratio()),
            peak_a_mib,
            peak_b_mib,
            memory_ratio: Number(pair.memory_ratio()),
            clip_image_similarity_a,
            clip_image_similarity_b,
            clip_direction_similarity_a,
            clip_direction_similarity_b,
            error: Text(error.unwrap_or_default()),
        }
    }
}

impl Serialize for AxisColumns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut columns = serializer.serialize_struct("Axes", self.axes.len())?;
        for (axis, value) in self.axes.iter().zip(self.values) {
            columns.serialize_field(axis.key(), &Text(value))?;
        }
        columns.end()
    }
}
