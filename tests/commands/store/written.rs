//! What is written can be read back, and has the documented form.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use ip2p_sweep::store::{AdviceColumns, Run};
use ip2p_sweep::vocabulary::{ImageFile, Record, Sha256Sum, StageTimes};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::fixture::{
    INSTRUCTION, SWEEP, environment, failed, finished, open, picture, plan, record,
};

#[test]
fn what_was_recorded_is_read_back() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("results/winter");
    let plan = finished(&folder, 3);
    let run = Run::read(&folder).unwrap();
    assert_eq!(*run.plan, plan);
    assert_eq!(run.environment, environment());
    assert_eq!(
        fs::read_to_string(folder.join("sweep.toml")).unwrap(),
        SWEEP
    );
    for (index, cell) in plan.cells.iter().enumerate() {
        let read = &run.records[&cell.key];
        assert!(read.times.save_ms.is_some());
        let times = record(&plan, index).times;
        let bytes = fs::read(run.image_path(&cell.key).unwrap()).unwrap();
        let hexadecimal =
            |digest: &[u8]| -> String { digest.iter().map(|byte| format!("{byte:02x}")).collect() };
        let sum = Sha256Sum::of(&bytes);
        assert_eq!(sum.to_string(), hexadecimal(&Sha256::digest(&bytes)));
        assert_eq!(
            *read,
            Record {
                file: Some(ImageFile {
                    bytes: bytes.len() as u64,
                    sha256: sum,
                }),
                times: StageTimes {
                    save_ms: read.times.save_ms,
                    ..times
                },
                ..record(&plan, index)
            }
        );
        let image = image::open(run.image_path(&cell.key).unwrap()).unwrap();
        assert_eq!(image.into_rgb8(), picture(index));
    }
}

#[test]
fn pngs_carry_their_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 1);
    let file = fs::File::open(folder.path().join(plan.cells[0].key.image_path())).unwrap();
    let reader = png::Decoder::new(std::io::BufReader::new(file))
        .read_info()
        .unwrap();
    let chunks: BTreeMap<&str, String> = reader
        .info()
        .utf8_text
        .iter()
        .map(|chunk| (chunk.keyword.as_str(), chunk.get_text().unwrap()))
        .collect();
    assert_eq!(
        chunks["parameters"],
        "make it \"winter\", with snow ❄ and  ice\nNegative prompt: =1+1\nSteps: 20, Sampler: DPM++ 2M, \
         Schedule type: Karras, CFG scale: 7.0, Image CFG scale: 1.25, Seed: 0, Size: 24x16, Model: ../onnx/demo"
    );
    let own: serde_json::Value = serde_json::from_str(&chunks["ip2p"]).unwrap();
    assert_eq!(own["parameters"]["instruction"], INSTRUCTION);
    assert_eq!(own["parameters"]["seed"], 0);
    assert_eq!(
        (&own["model_sha256"], &own["image_sha256"]),
        (&json!("abc"), &json!("def"))
    );
}

#[test]
fn tables_have_the_documented_columns_and_no_formulas() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(2);
    let mut run = open(folder.path(), &plan).unwrap();
    run.record(failed(&plan, 1), None).unwrap();
    run.record(record(&plan, 0), Some(&picture(0))).unwrap();
    let columns = "cell,status,file,model,image,instruction,negative_prompt,guidance_scale,\
        image_guidance_scale,guidance_start,guidance_end,strength,mask,seed,num_inference_steps,scheduler,width,height,device,precision,batch_size,unet_evals,\
        encode_text_ms,encode_image_ms,denoise_ms,decode_ms,save_ms,total_ms,vram_peak_mib,vram_source,rss_peak_mib,\
        image_change,ssim,saturation_change,contrast_change,clip_image_similarity,\
        clip_direction_similarity,advice,error,memory,vram_device_mib,\
        vram_device_source,stage,input,input_file,advised,finished,run,\
        change_inside,ssim_inside,change_outside,ssim_outside";
    let table = || fs::read_to_string(folder.path().join("cells.csv")).unwrap();
    // During the run, rows are in the order of work, and every column is in its place.
    assert_eq!(table().lines().next().unwrap(), columns);
    let rows = || -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(folder.path().join("cells.csv")).unwrap();
        reader.deserialize().map(Result::unwrap).collect()
    };
    assert_eq!(rows()[0]["cell"], plan.cells[1].key.as_str());
    run.finish().unwrap();
    let head = table().lines().next().unwrap().to_owned();
    let names = |line: &str| line.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(names(&head), names(columns));
    let nothing_in_it = ["strength", "mask", "vram_peak_mib", "advice", "advised"];
    let first_empty = head.find(",strength").unwrap();
    for name in nothing_in_it {
        assert!(
            head.find(&format!(",{name}")).unwrap() >= first_empty,
            "{name}: {head}"
        );
    }
    let [done, failed] = &rows()[..] else {
        panic!("two rows")
    };
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    for (column, value) in [
        ("cell", plan.cells[0].key.as_str()),
        ("status", "done"),
        ("file", "cells/s0-0123456789ab.png"),
        ("instruction", INSTRUCTION),
        ("negative_prompt", "'=1+1"),
        ("guidance_scale", "7.0"),
        ("image_guidance_scale", "1.25"),
        ("guidance_end", "1.0"),
        ("strength", ""),
        ("seed", "0"),
        ("batch_size", "1"),
        ("unet_evals", "60"),
        ("denoise_ms", "1234.6"),
        ("rss_peak_mib", "100.2"),
        ("image_change", "0.12500"),
        ("ssim", "0.75000"),
        ("saturation_change", "-0.02500"),
        ("contrast_change", "0.01250"),
        ("stage", "edit"),
        ("input", ""),
        ("run", name),
    ] {
        assert_eq!(done[column], value, "{column}");
    }
    assert!(done["input_file"].starts_with("inputs/"), "{done:?}");
    assert!(
        done["finished"].parse::<jiff::Timestamp>().is_ok(),
        "{done:?}"
    );
    assert_eq!(
        (failed["status"].as_str(), failed["file"].as_str()),
        ("failed", "")
    );
    assert_eq!(failed["error"], "latents are NaN at step 3");
    let steps = fs::read_to_string(folder.path().join("steps.csv")).unwrap();
    assert_eq!(
        steps.lines().take(2).collect::<Vec<_>>(),
        [
            "cell,batch_size,step,timestep,sigma,unet_rows,unet_ms,step_ms,vram_mib,rss_mib",
            "s0-0123456789ab,1,0,799.20,14.500000,3,10.0,11.0,,99.0"
        ]
    );
}

#[test]
fn the_typed_table_has_the_same_cells_with_numbers_truths_and_times() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(2);
    let mut run = open(folder.path(), &plan).unwrap();
    run.record(failed(&plan, 1), None).unwrap();
    run.record(record(&plan, 0), Some(&picture(0))).unwrap();
    let advised = [plan.cells[0].key.clone()].into();
    let advice = [(plan.cells[1].key.clone(), "=hardly changed".to_owned())].into();
    run.finish_with_advice(&AdviceColumns { advice, advised })
        .unwrap();
    let file = fs::File::open(folder.path().join("cells.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let columns = |row: &Row| -> BTreeMap<String, Field> {
        let columns = row.get_column_iter();
        columns
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().collect();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| columns(row.as_ref().unwrap()))
        .collect();
    let [done, failed] = &rows[..] else {
        panic!("two rows")
    };
    assert_eq!(done["seed"], Field::ULong(0));
    assert_eq!(done["guidance_scale"], Field::Double(7.0));
    assert_eq!(done["ssim"], Field::Double(0.75));
    assert_eq!(done["negative_prompt"], Field::Str("=1+1".to_owned()));
    assert_eq!(done["strength"], Field::Null);
    assert_eq!(done["advised"], Field::Bool(true));
    assert_eq!(failed["advised"], Field::Bool(false));
    assert_eq!(failed["file"], Field::Null);
    assert_eq!(failed["advice"], Field::Str("=hardly changed".to_owned()));
    assert!(matches!(done["finished"], Field::TimestampMicros(_)));
    // The CSV has the same values, in words that no spreadsheet takes for a formula.
    let text = fs::read_to_string(folder.path().join("cells.csv")).unwrap();
    assert!(text.contains(",'=hardly changed,"), "{text}");
}
