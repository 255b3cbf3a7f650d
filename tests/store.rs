//! The run folder: what is written, what is read back, and what survives.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use image::{Rgb, RgbImage};
use ip2p_sweep::plan::Plan;
use ip2p_sweep::store::{
    Environment, Measures, Record, Run, RunFolder, StageTimes, Status, StepRecord, StoreError,
    Writer,
};
use miette::Diagnostic;
use serde_json::json;

const SWEEP: &str = "name = \"winter\"\n";
const WIDTH: u32 = 24;
const HEIGHT: u32 = 16;
const INSTRUCTION: &str = "make it \"winter\",\nwith snow ❄ and \u{1}ice";

/// A plan of so many cells that differ in their seed.
fn plan(cells: u64) -> Plan {
    let cell = |seed: u64| {
        json!({
            "key": format!("s{seed}-0123456789ab"),
            "parameters": {
                "model": "../onnx/demo", "image": "house.png", "instruction": INSTRUCTION,
                "negative_prompt": "=1+1", "guidance_scale": "7.0", "image_guidance_scale": "1.25",
                "seed": seed, "num_inference_steps": 20, "scheduler": "dpmpp_2m_karras", "preset": null
            },
            "width": WIDTH, "height": HEIGHT
        })
    };
    let cells: Vec<_> = (0..cells).map(cell).collect();
    serde_json::from_value(json!({
        "name": "winter",
        "axes": [{"parameter": "seed", "values": ["0", "1"]}],
        "models": [{
            "name": "../onnx/demo", "path": "sweeps/../onnx/demo", "sha256": "abc", "resolution": 512,
            "vae_factor": 8, "size_multiple": 64, "scheduler": "euler_ancestral", "precision": "fp32",
            "component_bytes": [1, 2, 3, 4]
        }],
        "images": [{"name": "house.png", "path": "sweeps/house.png", "sha256": "def", "width": 99, "height": 70}],
        "numerics": {"noise": "torch-cpu", "guidance": "formula"},
        "fit": "crop",
        "sheet": {"rows": null, "columns": null, "cell": 256, "show_input": true},
        "cells": cells
    }))
    .unwrap()
}

fn environment() -> Environment {
    Environment {
        ip2p: "0.1.0".to_owned(),
        onnxruntime: "1.32.0".to_owned(),
        device: "cpu".to_owned(),
        device_name: None,
        provider: "CPUExecutionProvider".to_owned(),
        os: "linux x86_64".to_owned(),
        cpu: None,
        threads: 2,
        started: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// Opens a run folder. A child that another test starts holds this process's locks for a moment, between
/// fork and exec: a folder that was just let go is asked for again.
fn open(folder: &Path, plan: &Plan) -> Result<RunFolder, StoreError> {
    for _ in 0..200 {
        match RunFolder::open(folder, plan, SWEEP, &environment()) {
            Err(StoreError::Locked { pid: None, .. }) => thread::sleep(Duration::from_millis(5)),
            opened => return opened,
        }
    }
    RunFolder::open(folder, plan, SWEEP, &environment())
}

/// What the engine would say of a cell.
fn record(plan: &Plan, cell: usize) -> Record {
    Record {
        cell: plan.cells[cell].key.clone(),
        status: Status::Done,
        error: None,
        finished: jiff::Timestamp::UNIX_EPOCH,
        device: "cpu".to_owned(),
        precision: "fp32".to_owned(),
        batch_size: 1,
        unet_evals: 60,
        times: StageTimes {
            denoise_ms: Some(1234.567),
            ..StageTimes::default()
        },
        memory: None,
        vram_peak_mib: None,
        vram_source: None,
        vram_device_mib: None,
        vram_device_source: None,
        rss_peak_mib: Some(100.25),
        image_change: Some(0.125),
        measures: Some(Measures {
            ssim: 0.75,
            saturation_change: -0.025,
            contrast_change: 0.0125,
        }),
        first_latents: Vec::new(),
        steps: vec![StepRecord {
            step: 0,
            timestep: 799.2,
            sigma: Some(14.5),
            unet_rows: 3,
            unet_ms: 10.04,
            step_ms: 11.0,
            vram_mib: None,
            rss_mib: Some(99.0),
        }],
    }
}

fn failed(plan: &Plan, cell: usize) -> Record {
    let error = Some("latents are NaN at step 3".to_owned());
    Record {
        status: Status::Failed,
        error,
        ..record(plan, cell)
    }
}

/// Pixels that no codec can make small.
fn picture(cell: usize) -> RgbImage {
    let noise =
        |x: u32, y: u32| (x * 7919 + y * 104_729 + cell as u32 * 31).wrapping_mul(2_654_435_761);
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let [red, green, blue, _] = noise(x, y).to_be_bytes();
        Rgb([red, green, blue])
    })
}

fn record_all(folder: &mut RunFolder, plan: &Plan) {
    for cell in folder.pending() {
        folder
            .record(record(plan, cell), Some(&picture(cell)))
            .unwrap();
    }
}

/// Every file of a run by name, without what tells of time: the environment, `finished` and `save_ms`.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, files);
            } else {
                let bytes = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files);
    let plan: serde_json::Value = serde_json::from_slice(&files[Path::new("plan.json")]).unwrap();
    files.insert("plan.json".into(), plan["plan"].to_string().into_bytes());
    files.insert("cells.csv".into(), without_times(&folder.join("cells.csv")));
    files.remove(Path::new("journal.jsonl")).unwrap();
    files
}

fn without_times(table: &Path) -> Vec<u8> {
    let mut reader = csv::Reader::from_path(table).unwrap();
    let kept: Vec<usize> = reader
        .headers()
        .unwrap()
        .iter()
        .enumerate()
        .filter(|(_, name)| !["save_ms", "total_ms"].contains(name))
        .map(|(index, _)| index)
        .collect();
    let rows = reader.records().map(Result::unwrap);
    rows.flat_map(|row| {
        kept.iter()
            .map(|&index| row[index].to_owned() + "\n")
            .collect::<String>()
            .into_bytes()
    })
    .collect()
}

/// A finished run of so many cells.
fn finished(folder: &Path, cells: u64) -> Plan {
    let plan = plan(cells);
    let mut run = open(folder, &plan).unwrap();
    record_all(&mut run, &plan);
    run.finish().unwrap();
    plan
}

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
        assert_eq!(
            *read,
            Record {
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
        image_guidance_scale,guidance_start,guidance_end,seed,num_inference_steps,scheduler,width,height,device,precision,batch_size,unet_evals,\
        encode_text_ms,encode_image_ms,denoise_ms,decode_ms,save_ms,total_ms,vram_peak_mib,vram_source,rss_peak_mib,\
        image_change,ssim,saturation_change,contrast_change,advice,error,memory,vram_device_mib,\
        vram_device_source";
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
        done[5..12],
        [INSTRUCTION, "'=1+1", "7.0", "1.25", "0.0", "1.0", "0"]
    );
    assert_eq!(done[18..24], ["1", "60", "", "", "1234.6", ""]);
    assert_eq!(
        done[26..],
        [
            "", "", "100.2", "0.12500", "0.75000", "-0.02500", "0.01250", "", "", "", "", ""
        ]
    );
    assert_eq!(failed[1..3], ["failed", ""]);
    assert_eq!(failed[34], "latents are NaN at step 3");
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
fn a_resumed_run_is_the_same_as_an_uninterrupted_one() {
    let (whole, resumed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = finished(whole.path(), 5);
    let mut run = open(resumed.path(), &plan).unwrap();
    run.record(record(&plan, 3), Some(&picture(3))).unwrap();
    run.record(failed(&plan, 1), None).unwrap();
    drop(run);
    fs::write(resumed.path().join("cells/.ip2p-x1y2z3"), "half").unwrap();
    let mut run = open(resumed.path(), &plan).unwrap();
    assert_eq!(run.pending(), [0, 1, 2, 4]);
    assert_eq!(run.record_of(1).unwrap().status, Status::Failed);
    record_all(&mut run, &plan);
    run.finish().unwrap();
    drop(run);
    assert_eq!(tree(resumed.path()), tree(whole.path()));
}

#[test]
fn a_run_goes_on_after_the_whole_lines_of_a_journal_that_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 3);
    let path = folder.path().join("journal.jsonl");
    let journal = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..journal.len())
        .filter(|&at| journal[at] == b'\n')
        .collect();
    // Every byte is tried on the journal alone, beside its code; here each line's ends and some between.
    let near = |at: usize| ends.iter().any(|end| end.abs_diff(at) < 3);
    for length in (0..=journal.len()).filter(|&at| near(at) || at % 50 == 0) {
        fs::write(&path, &journal[..length]).unwrap();
        let done = ends.iter().filter(|&&end| end < length).count();
        assert_eq!(Run::read(folder.path()).unwrap().records.len(), done);
        let mut run = open(folder.path(), &plan).unwrap();
        assert_eq!(run.pending(), (done..3).collect::<Vec<_>>(), "{length}");
        if done < 3 {
            run.record(record(&plan, done), Some(&picture(done)))
                .unwrap();
            assert_eq!(Run::read(folder.path()).unwrap().records.len(), done + 1);
        }
    }
}

#[test]
fn a_line_that_cannot_be_read_costs_its_cell_alone() {
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 3);
    let path = folder.path().join("journal.jsonl");
    let mut lines: Vec<String> = fs::read_to_string(&path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    lines[1] = "{\"cell\": \u{0}".to_owned();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let run = open(folder.path(), &plan).unwrap();
    assert_eq!(run.pending(), [1]);
    assert!(
        run.notes()[0].contains("line 2 cannot be read"),
        "{:?}",
        run.notes()
    );
}

#[test]
fn a_cell_without_its_whole_image_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 3);
    fs::remove_file(folder.path().join(plan.cells[0].key.image_path())).unwrap();
    let second = folder.path().join(plan.cells[1].key.image_path());
    let bytes = fs::read(&second).unwrap();
    fs::write(&second, &bytes[..bytes.len() - 1]).unwrap();
    let run = open(folder.path(), &plan).unwrap();
    assert_eq!(run.pending(), [0, 1]);
    assert_eq!(
        csv::Reader::from_path(folder.path().join("cells.csv"))
            .unwrap()
            .records()
            .count(),
        1
    );
}

#[test]
fn cells_that_left_the_plan_keep_their_files_and_lose_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    finished(folder.path(), 3);
    let smaller = plan(1);
    let run = open(folder.path(), &smaller).unwrap();
    assert_eq!(run.pending(), [0; 0]);
    drop(run);
    assert_eq!(
        csv::Reader::from_path(folder.path().join("cells.csv"))
            .unwrap()
            .records()
            .count(),
        1
    );
    assert_eq!(
        fs::read_dir(folder.path().join("cells")).unwrap().count(),
        3
    );
    assert_eq!(open(folder.path(), &plan(4)).unwrap().pending(), [3]);
}

#[test]
fn records_that_do_not_fit_the_plan_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(1);
    let mut run = open(folder.path(), &plan).unwrap();
    let mut refused = |record: Record, image: Option<&RgbImage>| {
        let error = run.record(record, image).unwrap_err();
        assert!(matches!(error, StoreError::Record { .. }), "{error}");
    };
    refused(record(&plan, 0), None);
    refused(record(&plan, 0), Some(&RgbImage::new(1, 1)));
    refused(failed(&plan, 0), Some(&picture(0)));
    refused(record(&self::plan(2), 1), Some(&picture(1)));
    assert_eq!(run.pending(), [0]);
}

#[test]
fn the_writer_records_in_order_and_gives_the_folder_back() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(40);
    let saved = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&saved);
    let run = open(folder.path(), &plan).unwrap();
    let writer = Writer::start(run, move |record| {
        seen.lock().unwrap().push(record.cell.clone())
    })
    .unwrap();
    for cell in (0..40).rev() {
        let image = Arc::new(picture(cell));
        assert_eq!(
            writer.hand_over(record(&plan, cell), Some(image)),
            ControlFlow::Continue(())
        );
    }
    let run = writer.finish().unwrap();
    assert_eq!(run.pending(), [0; 0]);
    let order: Vec<_> = plan
        .cells
        .iter()
        .rev()
        .map(|cell| cell.key.clone())
        .collect();
    assert_eq!(*saved.lock().unwrap(), order);
}

#[test]
fn the_writer_stops_at_the_first_error_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(100);
    let run = open(folder.path(), &plan).unwrap();
    // Where the third image should go lies a folder that cannot be replaced.
    fs::create_dir_all(
        folder
            .path()
            .join(plan.cells[2].key.image_path())
            .join("in the way"),
    )
    .unwrap();
    let writer = Writer::start(run, |_| {}).unwrap();
    let handed = (0..100).find(|&cell| {
        writer
            .hand_over(record(&plan, cell), Some(Arc::new(picture(cell))))
            .is_break()
    });
    assert!(handed.is_some_and(|cell| cell < 40), "{handed:?}");
    let error = writer.finish().unwrap_err();
    assert!(
        error.to_string().contains(plan.cells[2].key.as_str()),
        "{error}"
    );
    assert_eq!(open(folder.path(), &plan).unwrap().pending()[0], 2);
}

/// This test's program once more, to run the test `name` on a folder.
fn again(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture"])
        .env("IP2P_TEST_FOLDER", folder);
    command
}

/// The folder, where this process was started by [`again`].
fn told_folder() -> Option<PathBuf> {
    std::env::var_os("IP2P_TEST_FOLDER").map(PathBuf::from)
}

#[test]
fn a_run_that_is_killed_again_and_again_comes_to_the_same_end() {
    const CELLS: u64 = 80;
    let plan = plan(CELLS);
    if let Some(folder) = told_folder() {
        record_all(&mut open(&folder, &plan).unwrap(), &plan);
        return;
    }
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finished(whole.path(), CELLS);
    let journal = killed.path().join("journal.jsonl");
    let length = || fs::metadata(&journal).map_or(0, |metadata| metadata.len());
    let this = "a_run_that_is_killed_again_and_again_comes_to_the_same_end";
    let (mut done, mut kills) = (0, 0);
    while done < CELLS as usize {
        let before = length();
        let mut child: Child = again(this, killed.path()).spawn().unwrap();
        while length() == before && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(kills * 7300 % 61_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let pending = open(killed.path(), &plan).unwrap().pending().len();
        let now = CELLS as usize - pending;
        assert!(now > done || pending == 0, "{now} cells after {done}");
        (done, kills) = (now, kills + u64::from(pending > 0));
    }
    assert!(
        kills > 2,
        "only {kills} processes were killed in the middle"
    );
    let mut run = open(killed.path(), &plan).unwrap();
    run.finish().unwrap();
    drop(run);
    assert_eq!(tree(killed.path()), tree(whole.path()));
}

#[test]
fn a_folder_in_use_names_its_process_and_is_free_when_that_dies() {
    let plan = plan(1);
    if let Some(folder) = told_folder() {
        let _run = open(&folder, &plan).unwrap();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let this = "a_folder_in_use_names_its_process_and_is_free_when_that_dies";
    let mut child = again(this, folder.path()).spawn().unwrap();
    while !folder.path().join("steps.csv").exists() {
        thread::sleep(Duration::from_millis(5));
    }
    let error = open(folder.path(), &plan).unwrap_err();
    // Windows keeps others from reading a locked file, so the process may be unknown there.
    let owner = if cfg!(unix) {
        format!("process {}", child.id())
    } else {
        "another process".to_owned()
    };
    assert_eq!(
        error.to_string(),
        format!(
            "run folder {} is in use by {owner}",
            folder.path().display()
        )
    );
    assert!(error.help().unwrap().to_string().contains("--out"));
    assert!(Run::read(folder.path()).is_ok());
    child.kill().unwrap();
    child.wait().unwrap();
    open(folder.path(), &plan).unwrap();
}

/// The disk is "full" beyond a size of file, which the shell limits for the process.
#[cfg(unix)]
#[test]
fn a_full_disk_stops_the_run_and_loses_nothing() {
    let plan = plan(60);
    if let Some(folder) = told_folder() {
        let mut run = open(&folder, &plan).unwrap();
        let error = (0..60).find_map(|cell| {
            let mut long = record(&plan, cell);
            long.steps = vec![long.steps[0].clone(); 30];
            run.record(long, Some(&picture(cell))).err()
        });
        let error = error.expect("the limit on the size of files does not hold");
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(
            error.help().unwrap().to_string(),
            "free some space and run again: finished cells are kept"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), &plan).unwrap());
    // 96 blocks of 512 bytes (1024 in some shells): the plan fits, the journal of all cells does not.
    let full = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"",
            "sh",
            "96",
        ])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_full_disk_stops_the_run_and_loses_nothing",
            "--nocapture",
        ])
        .env("IP2P_TEST_FOLDER", folder.path())
        .output()
        .unwrap();
    assert!(
        full.status.success(),
        "{}",
        String::from_utf8_lossy(&full.stderr)
    );
    let left: Vec<_> = fs::read_dir(folder.path().join("cells"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(
        left.iter()
            .all(|path| path.extension().is_some_and(|extension| extension == "png")),
        "{left:?}"
    );
    let mut run = open(folder.path(), &plan).unwrap();
    let pending = run.pending();
    assert!(pending.len() < 60 && !pending.is_empty());
    record_all(&mut run, &plan);
    assert!(run.pending().is_empty());
}

#[test]
fn folders_that_cannot_be_written_are_named_with_a_remedy() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file.join("run"), &plan(1)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot write {}", file.display())),
        "{error}"
    );
    assert!(error.help().unwrap().to_string().contains("--out"));

    let sealed = temporary.path().join("sealed");
    fs::create_dir(&sealed).unwrap();
    let mut permissions = fs::metadata(&sealed).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&sealed, permissions.clone()).unwrap();
    // A superuser may write all the same.
    if fs::create_dir(sealed.join("probe")).is_err() {
        let error = open(&sealed, &plan(1)).unwrap_err();
        assert_eq!(
            error.help().unwrap().to_string(),
            "give a folder that you may write to with --out"
        );
    }
}

#[test]
fn a_folder_that_is_no_run_is_left_alone() {
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("sweep.toml"), "the user's").unwrap();
    let error = open(temporary.path(), &plan(1)).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is no run folder and not empty: it holds sweep.toml"),
        "{error}"
    );
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1);
    assert!(matches!(
        Run::read(temporary.path()),
        Err(StoreError::NotARun { .. })
    ));
    assert!(matches!(
        Run::read(Path::new("no/such/run")),
        Err(StoreError::NotARun { .. })
    ));
    fs::write(temporary.path().join("plan.json"), "{\"floors\": 2}").unwrap();
    assert!(matches!(
        open(temporary.path(), &plan(1)),
        Err(StoreError::Malformed { .. })
    ));
    assert!(matches!(
        Run::read(temporary.path()),
        Err(StoreError::Malformed { .. })
    ));
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_symbolic_links() {
    let outside = tempfile::tempdir().unwrap();
    for name in ["cells", "journal.jsonl", ".lock"] {
        let folder = tempfile::tempdir().unwrap();
        let plan = finished(folder.path(), 1);
        let place = folder.path().join(name);
        if place.is_dir() {
            fs::remove_dir_all(&place).unwrap()
        } else {
            fs::remove_file(&place).unwrap()
        }
        std::os::unix::fs::symlink(outside.path(), &place).unwrap();
        let error = open(folder.path(), &plan).unwrap_err();
        assert!(matches!(error, StoreError::Link { .. }), "{name}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 2);
    let victim = outside.path().join("victim");
    fs::write(&victim, "safe").unwrap();
    for name in [
        "cells.csv",
        "sweep.toml",
        plan.cells[0].key.image_path().as_str(),
    ] {
        let place = folder.path().join(name);
        fs::remove_file(&place).unwrap();
        std::os::unix::fs::symlink(&victim, &place).unwrap();
    }
    let mut run = open(folder.path(), &plan).unwrap();
    record_all(&mut run, &plan);
    run.finish().unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "safe");
}

#[test]
fn a_plan_whose_cells_lead_out_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    finished(folder.path(), 1);
    let path = folder.path().join("plan.json");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("s0-0123456789ab", "../../s0");
    fs::write(&path, text).unwrap();
    let error = Run::read(folder.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("\"../../s0\" cannot be the key of a cell"),
        "{error}"
    );
}
