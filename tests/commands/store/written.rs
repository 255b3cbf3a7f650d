//! What is written is read back, and has the documented form.

use std::collections::BTreeMap;
use std::fs;

use ip2p_sweep::store::Run;
use ip2p_sweep::vocabulary::{ImageFile, Record, StageTimes};
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
    assert_eq!(run.plan, plan);
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
        assert_eq!(
            *read,
            Record {
                file: Some(ImageFile {
                    bytes: bytes.len() as u64,
                    sha256: hexadecimal(&Sha256::digest(&bytes)),
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
        vram_device_source,stage,input";
    let rows = || -> Vec<Vec<String>> {
        let mut reader = csv::Reader::from_path(folder.path().join("cells.csv")).unwrap();
        assert_eq!(
            reader
                .headers()
                .unwrap()
                .iter()
                .collect::<Vec<_>>()
                .join(","),
            columns
        );
        reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect()
    };
    // While the run goes on, rows come in the order of work.
    assert_eq!(rows()[0][0], plan.cells[1].key.as_str());
    run.finish().unwrap();
    let [done, failed] = &rows()[..] else {
        panic!("two rows")
    };
    assert_eq!(done[0], plan.cells[0].key.as_str());
    assert_eq!(done[1..3], ["done", "cells/s0-0123456789ab.png"]);
    assert_eq!(
        done[5..14],
        [
            INSTRUCTION,
            "'=1+1",
            "7.0",
            "1.25",
            "0.0",
            "1.0",
            "",
            "",
            "0"
        ]
    );
    assert_eq!(done[20..26], ["1", "60", "", "", "1234.6", ""]);
    assert_eq!(
        done[28..],
        [
            "", "", "100.2", "0.12500", "0.75000", "-0.02500", "0.01250", "", "", "", "", "", "",
            "", "edit", ""
        ]
    );
    assert_eq!(failed[1..3], ["failed", ""]);
    assert_eq!(failed[38], "latents are NaN at step 3");
    let steps = fs::read_to_string(folder.path().join("steps.csv")).unwrap();
    assert_eq!(
        steps.lines().take(2).collect::<Vec<_>>(),
        [
            "cell,batch_size,step,timestep,sigma,unet_rows,unet_ms,step_ms,vram_mib,rss_mib",
            "s0-0123456789ab,1,0,799.20,14.500000,3,10.0,11.0,,99.0"
        ]
    );
}
