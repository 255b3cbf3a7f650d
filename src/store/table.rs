//! The rows of `steps.csv`, and what all tables share.

use std::io::{self, Write};

use csv::WriterBuilder;
use serde::{Serialize, Serializer};

use crate::vocabulary::{Record, StepRecord};

/// A row of `steps.csv`: one denoising step of a batch.
#[derive(Debug, Default, Serialize)]
pub(super) struct StepRow<'a> {
    /// The first cell of the batch.
    cell: Text<'a>,
    batch_size: u32,
    step: u32,
    timestep: Rounded<2>,
    sigma: Rounded<6>,
    unet_rows: u32,
    unet_ms: Rounded<1>,
    step_ms: Rounded<1>,
    vram_mib: Rounded<1>,
    rss_mib: Rounded<1>,
}

impl<'a> StepRow<'a> {
    /// The rows of the batch of which this is the first cell.
    pub(super) fn of(record: &'a Record) -> impl Iterator<Item = Self> {
        record.steps.iter().map(|step: &StepRecord| Self {
            cell: Text(record.cell.as_str()),
            batch_size: record.batch_size,
            step: step.step,
            timestep: Rounded(Some(step.timestep)),
            sigma: Rounded(step.sigma),
            unet_rows: step.unet_rows,
            unet_ms: Rounded(Some(step.unet_ms)),
            step_ms: Rounded(Some(step.step_ms)),
            vram_mib: Rounded(step.vram_mib),
            rss_mib: Rounded(step.rss_mib),
        })
    }
}

/// Text written so that no spreadsheet takes it for a formula.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(self.0))
    }
}

/// A number with this many decimal places; empty if unknown.
#[derive(Debug, Default)]
pub(crate) struct Rounded<const DECIMALS: usize>(pub(crate) Option<f64>);

impl<const DECIMALS: usize> Serialize for Rounded<DECIMALS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&number(self.0, DECIMALS))
    }
}

/// The header line with the columns' names.
pub(super) fn header<R: Serialize + Default>() -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.serialize(R::default())?;
    let mut bytes = writer.into_inner().map_err(|error| error.into_error())?;
    let end = bytes.iter().position(|&byte| byte == b'\n');
    bytes.truncate(end.map_or(0, |end| end + 1));
    Ok(bytes)
}

/// Writes rows without a header, one in memory at a time.
pub(super) fn write_rows<R: Serialize>(
    out: impl Write,
    rows: impl IntoIterator<Item = R>,
) -> io::Result<()> {
    let mut writer = WriterBuilder::new().has_headers(false).from_writer(out);
    for row in rows {
        writer.serialize(row)?;
    }
    writer.flush()
}

/// Rows as CSV with a header.
pub fn to_csv<R: Serialize>(rows: impl IntoIterator<Item = R>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}

/// Text changed so that no spreadsheet takes it for a formula.
pub fn text(value: &str) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

/// A number with this many decimal places; empty if unknown.
pub fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::columns::Column;

    #[test]
    fn the_columns_have_the_names_and_the_order_that_readers_know() {
        let names = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let of_cells: Vec<&str> = Column::all().iter().map(|column| column.name).collect();
        assert_eq!(
            of_cells.join(",") + "\n",
            "cell,status,file,model,image,instruction,negative_prompt,guidance_scale,image_guidance_scale,\
             guidance_start,guidance_end,strength,mask,seed,num_inference_steps,scheduler,width,height,device,precision,batch_size,\
             unet_evals,encode_text_ms,encode_image_ms,denoise_ms,decode_ms,save_ms,total_ms,vram_peak_mib,vram_source,\
             rss_peak_mib,image_change,ssim,saturation_change,contrast_change,clip_image_similarity,\
             clip_direction_similarity,advice,error,memory,vram_device_mib,vram_device_source,stage,input,input_file,\
             advised,finished,run,change_inside,ssim_inside,change_outside,ssim_outside\n"
        );
        assert_eq!(
            names(header::<StepRow>().unwrap()),
            "cell,batch_size,step,timestep,sigma,unet_rows,unet_ms,step_ms,vram_mib,rss_mib\n"
        );
    }
}
