//! The rows of `cells.csv` and `steps.csv`, one type each: a field is a column, under its name and in its place.

use std::io::{self, Write};

use csv::WriterBuilder;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::plan::{Cell, Plan};
use crate::vocabulary::{
    ByParameter, CellKey, Measures, Parameter, Parameters, Place, Record, StageTimes, Status,
    StepRecord,
};

/// A row of `cells.csv`: a cell, its parameters, and what is recorded of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct CellRow<'a>(CellColumns<'a>, ParameterColumns, RecordColumns<'a>);

#[derive(Debug, Default, Serialize)]
struct CellColumns<'a> {
    cell: Text<'a>,
    status: &'static str,
    file: String,
}

/// The parameters under their keys. A preset has no column: the values that it sets are in those of the others.
#[derive(Debug, Default)]
struct ParameterColumns(ByParameter<String>);

#[derive(Debug, Default, Serialize)]
struct RecordColumns<'a> {
    width: u32,
    height: u32,
    device: Text<'a>,
    precision: Text<'a>,
    batch_size: u32,
    unet_evals: u32,
    encode_text_ms: Rounded<1>,
    encode_image_ms: Rounded<1>,
    denoise_ms: Rounded<1>,
    decode_ms: Rounded<1>,
    save_ms: Rounded<1>,
    total_ms: Rounded<1>,
    vram_peak_mib: Rounded<1>,
    vram_source: Text<'a>,
    rss_peak_mib: Rounded<1>,
    image_change: Rounded<5>,
    ssim: Rounded<5>,
    saturation_change: Rounded<5>,
    contrast_change: Rounded<5>,
    clip_image_similarity: Rounded<5>,
    clip_direction_similarity: Rounded<5>,
    advice: Text<'a>,
    error: Text<'a>,
    memory: Text<'a>,
    vram_device_mib: Rounded<1>,
    vram_device_source: Text<'a>,
    stage: Text<'a>,
    /// The cell whose image it works on.
    input: Text<'a>,
}

/// A row of `steps.csv`: a denoising step of a batch.
#[derive(Debug, Default, Serialize)]
pub(super) struct StepRow<'a> {
    /// The first of the batch.
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

impl<'a> CellRow<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        cell: &'a Cell,
        record: &'a Record,
        advice: Option<&'a str>,
    ) -> Self {
        let (status, file) = match record.status {
            Status::Done => ("done", cell.key.image_path()),
            Status::Failed => ("failed", String::new()),
        };
        Self(
            CellColumns {
                cell: Text(cell.key.as_str()),
                status,
                file,
            },
            ParameterColumns::of(&cell.parameters),
            RecordColumns::new(plan, cell, record, advice),
        )
    }
}

impl<'a> RecordColumns<'a> {
    fn new(plan: &'a Plan, cell: &'a Cell, record: &'a Record, advice: Option<&'a str>) -> Self {
        let StageTimes {
            encode_text_ms,
            encode_image_ms,
            denoise_ms,
            decode_ms,
            save_ms,
        } = record.times;
        let measured = |value: fn(&Measures) -> f64| Rounded(record.measures.as_ref().map(value));
        let clip = record.clip.as_ref();
        Self {
            width: cell.width,
            height: cell.height,
            device: Text(&record.device),
            precision: Text(&record.precision),
            batch_size: record.batch_size,
            unet_evals: record.unet_evals,
            encode_text_ms: Rounded(encode_text_ms),
            encode_image_ms: Rounded(encode_image_ms),
            denoise_ms: Rounded(denoise_ms),
            decode_ms: Rounded(decode_ms),
            save_ms: Rounded(save_ms),
            total_ms: Rounded(record.times.total_ms()),
            vram_peak_mib: Rounded(record.vram_peak_mib),
            vram_source: Text::of(&record.vram_source),
            rss_peak_mib: Rounded(record.rss_peak_mib),
            image_change: Rounded(record.image_change),
            ssim: measured(|measures| measures.ssim),
            saturation_change: measured(|measures| measures.saturation_change),
            contrast_change: measured(|measures| measures.contrast_change),
            clip_image_similarity: Rounded(clip.map(|clip| clip.clip_image_similarity)),
            clip_direction_similarity: Rounded(
                clip.and_then(|clip| clip.clip_direction_similarity),
            ),
            advice: Text(advice.unwrap_or_default()),
            error: Text::of(&record.error),
            memory: Text::of(&record.memory),
            vram_device_mib: Rounded(record.vram_device_mib),
            vram_device_source: Text::of(&record.vram_device_source),
            stage: Text(plan.stages.get(cell.stage).map_or("", |stage| &stage.name)),
            input: Text(plan.input_of(cell).map_or("", CellKey::as_str)),
        }
    }
}

impl<'a> StepRow<'a> {
    /// The rows of the batch whose first cell this is.
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

impl ParameterColumns {
    fn of(parameters: &Parameters) -> Self {
        Self(ByParameter::from_fn(|parameter| parameters.text(parameter)))
    }

    fn columns() -> impl Iterator<Item = Parameter> {
        let defined = Parameter::DEFINED.into_iter();
        defined.filter(|parameter| parameter.definition().place != Place::Presets)
    }
}

impl Serialize for ParameterColumns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut columns = serializer.serialize_struct("Parameters", Self::columns().count())?;
        for parameter in Self::columns() {
            columns.serialize_field(parameter.key(), &Text(&self.0[parameter]))?;
        }
        columns.end()
    }
}

/// Text that no spreadsheet takes for a formula.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl<'a> Text<'a> {
    fn of(text: &'a Option<String>) -> Self {
        Self(text.as_deref().unwrap_or_default())
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(self.0))
    }
}

/// A number with so many decimals; unknown is empty.
#[derive(Debug, Default)]
pub(crate) struct Rounded<const DECIMALS: usize>(pub(crate) Option<f64>);

impl<const DECIMALS: usize> Serialize for Rounded<DECIMALS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&number(self.0, DECIMALS))
    }
}

/// The line of the columns' names.
pub(super) fn header<R: Serialize + Default>() -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.serialize(R::default())?;
    let mut bytes = writer.into_inner().map_err(|error| error.into_error())?;
    let end = bytes.iter().position(|&byte| byte == b'\n');
    bytes.truncate(end.map_or(0, |end| end + 1));
    Ok(bytes)
}

/// Writes rows without the names of the columns, one in memory at a time.
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

/// Records as CSV.
pub fn to_csv<R, F>(rows: impl IntoIterator<Item = R>) -> Result<Vec<u8>, csv::Error>
where
    R: IntoIterator<Item = F>,
    F: AsRef<[u8]>,
{
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}

/// Text that no spreadsheet takes for a formula.
pub fn text(value: &str) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

/// A number with so many decimals; unknown is empty.
pub fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_have_the_names_and_the_order_that_readers_know() {
        let names = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(
            names(header::<CellRow>().unwrap()),
            "cell,status,file,model,image,instruction,negative_prompt,guidance_scale,image_guidance_scale,\
             guidance_start,guidance_end,strength,mask,seed,num_inference_steps,scheduler,width,height,device,precision,batch_size,\
             unet_evals,encode_text_ms,encode_image_ms,denoise_ms,decode_ms,save_ms,total_ms,vram_peak_mib,vram_source,\
             rss_peak_mib,image_change,ssim,saturation_change,contrast_change,clip_image_similarity,\
             clip_direction_similarity,advice,error,memory,vram_device_mib,vram_device_source,stage,input\n"
        );
        assert_eq!(
            names(header::<StepRow>().unwrap()),
            "cell,batch_size,step,timestep,sigma,unet_rows,unet_ms,step_ms,vram_mib,rss_mib\n"
        );
    }
}
