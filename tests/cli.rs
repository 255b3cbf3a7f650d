//! The program as its users meet it: exit codes, and the exact words of errors.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::assert::OutputAssertExt;
use common::place::Place;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

/// One cell of two steps; `more` goes into `[sweep]` or after it.
fn sweep(more: &str) -> String {
    format!(
        "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\n\
         num_inference_steps = 2\n{more}"
    )
}

fn says(error: &str) -> impl Predicate<str> + use<> {
    predicate::eq(format!("error: {error}\n"))
}

#[test]
fn mistakes_in_the_sweep_file_are_shown_with_place_and_remedy() {
    let place = Place::new();
    let cases = [
        (
            sweep("guidence_scale = 7"),
            "unknown key \"guidence_scale\" in [sweep]\n  --> s.toml:6:1\nhint: did you mean guidance_scale?",
        ),
        (
            sweep("").replace("in.png", "*.jpg"),
            "image: no file matches \"*.jpg\" in the current folder\n  --> s.toml:3:9\n\
             hint: paths are relative to the sweep file; `*` does not reach into subfolders, `**/` does",
        ),
        (
            format!("name = \"../x\"\n{}", sweep("")),
            "\"../x\" cannot be the name of a run folder: only letters, digits, `.`, `_` and `-` are allowed\n  \
             --> s.toml:1:8\nhint: choose another, e.g. name = \"x\"",
        ),
        (
            sweep("").replace("make it", "make\\u001bit"),
            "instruction holds the control character \\u{1b}\n  --> s.toml:4:15\n\
             hint: write the text on one line, with spaces instead of tabs",
        ),
        (
            sweep("").replace("\"model\"", "\"nowhere\""),
            "model \"nowhere\" does not exist in the current folder\n  --> s.toml:1:9\n\
             hint: paths are relative to the sweep file; export a model there, or give the folder of one that you have",
        ),
        (
            sweep("[size]\nfit = \"exact\"\nwidth = 50\nheight = 48"),
            "image in.png does not fit model model: 50x48 pixels: both sides must be multiples of 8 for this model\n\
             hint: under [size], use fit = \"crop\", which always gives such sizes, or fit = \"exact\" with width = 48 \
             and height = 48",
        ),
    ];
    for (text, error) in cases {
        place.run(&text).code(2).stderr(says(error)).stdout("");
    }
}

#[test]
fn bad_images_are_refused_before_anything_runs() {
    let place = Place::new();
    let whole = fs::read(place.path("in.png")).unwrap();
    fs::write(place.path("empty.png"), "").unwrap();
    fs::write(place.path("cut.png"), &whole[..300]).unwrap();
    fs::write(place.path("text.png"), "hello").unwrap();
    // A header that claims 60,000 x 60,000 pixels.
    let mut enormous = whole.clone();
    enormous[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    fs::write(place.path("enormous.png"), enormous).unwrap();
    let cases = [
        (
            "empty.png",
            "image empty.png is empty\nhint: copy or download it again",
        ),
        ("cut.png", "image cut.png is damaged or cut short"),
        (
            "text.png",
            "text.png is not an image that can be read\nhint: PNG, JPEG",
        ),
        ("enormous.png", "enormous.png"),
    ];
    for (name, error) in cases {
        let refused = place.run(&sweep("").replace("in.png", name));
        refused
            .code(2)
            .stderr(contains(error).and(contains("hint: ")));
        assert!(
            !place.path("results").exists(),
            "nothing is made for {name}"
        );
    }
}

#[test]
fn what_is_done_to_an_image_before_it_is_edited_is_told() {
    let place = Place::new();
    let clear = image::RgbaImage::from_pixel(64, 48, image::Rgba([10, 200, 30, 100]));
    clear.save(place.path("clear.png")).unwrap();
    let note = "note: image clear.png: the image is partly transparent: composited on white\n";
    let run = place.run(&sweep("").replace("in.png", "clear.png"));
    run.success().stdout(contains(note));
    place
        .ip2p(&["plan", "s.toml"])
        .assert()
        .success()
        .stdout(contains(note));
}

#[test]
fn models_that_cannot_work_are_refused_before_anything_runs() {
    let place = Place::new();
    let config = place.path("model/unet/config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("\"in_channels\": 8", "\"in_channels\": 4"),
    )
    .unwrap();
    place
        .run(&sweep(""))
        .code(3)
        .stderr(contains("text-to-image model").and(contains("hint: ")));
    fs::remove_file(&config).unwrap();
    place
        .run(&sweep(""))
        .code(3)
        .stderr(contains("model/unet/config.json is missing\nhint: "));
}

#[test]
fn a_missing_runtime_or_device_says_what_to_do() {
    let place = Place::new();
    fs::write(place.path("s.toml"), sweep("")).unwrap();
    let bare = |arguments: &[&str], offline: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
        command
            .current_dir(place.folder.path())
            .args(arguments)
            .env_clear();
        command
            .env("XDG_CACHE_HOME", place.path("cache"))
            .env("PATH", place.path("nothing"));
        if offline {
            command.env("IP2P_OFFLINE", "1");
        }
        command.assert()
    };
    place.ip2p(&["--onnxruntime", "nowhere", "run", "s.toml"]).assert().code(3).stderr(says(
        "nowhere holds no ONNX Runtime library\nhint: --onnxruntime and ORT_DYLIB_PATH name the library \
         (such as libonnxruntime.so) or its folder; or leave them out",
    ));
    let found_by_the_system = Path::new("/usr/lib/libonnxruntime.so").exists();
    if !found_by_the_system {
        bare(&["run", "s.toml"], false).code(3).stderr(says(
            "ONNX Runtime was not found\nhint: run `ip2p setup` to fetch it, or give its path with \
             --onnxruntime or ORT_DYLIB_PATH",
        ));
    }
    bare(&["setup"], true)
        .code(3)
        .stderr(contains("IP2P_OFFLINE is set"));
    bare(&["setup"], false)
        .code(3)
        .stderr(contains("python3 was not found"));
}

#[test]
fn a_run_that_asked_for_cuda_never_goes_on_on_the_cpu() {
    let place = Place::new();
    fs::write(place.path("s.toml"), sweep("")).unwrap();
    if Path::new("/dev/nvidia0").exists() {
        return; // There is a GPU: nothing to refuse.
    }
    let refused = place
        .ip2p(&["run", "s.toml", "--device", "cuda"])
        .assert()
        .code(3);
    refused.stderr(contains("CUDA").and(contains("hint: ")));
    assert!(!place.path("results").exists());
}

#[test]
fn a_run_says_where_its_sheets_are_and_a_second_one_does_nothing() {
    let place = Place::new();
    place.run(&sweep("")).success().stdout(
        contains("s: 1 cell\n")
            .and(contains("done     1 cell in results/s\n"))
            .and(contains("sheet    results/s/sheets/sheet.png (")),
    );
    let journal = fs::read(place.path("results/s/journal.jsonl")).unwrap();
    let made = |name: &str| {
        let file = fs::metadata(place.path(format!("results/s/{name}"))).unwrap();
        file.modified().unwrap()
    };
    let views = || [made("sheets/sheet.png"), made("report/index.html")];
    let before = views();
    place.run(&sweep("")).success().stdout(
        contains("s: 0 of 1 cell left to do\n")
            .and(contains("sheet    results/s/sheets/sheet.png ("))
            .and(contains("report   results/s/report/index.html")),
    );
    assert_eq!(
        fs::read(place.path("results/s/journal.jsonl")).unwrap(),
        journal
    );
    assert_eq!(views(), before, "nothing has changed that they show");
    let sheet = fs::read(place.path("results/s/sheets/sheet.png")).unwrap();
    place
        .ip2p(&["sheet", "results/s", "--cell", "99"])
        .assert()
        .success()
        .stdout(contains("results/s/sheets/sheet.png ("));
    fs::remove_file(place.path("results/s/report/index.html")).unwrap();
    place.run(&sweep("")).success();
    assert_eq!(
        fs::read(place.path("results/s/sheets/sheet.png")).unwrap(),
        sheet,
        "the sweep's own sheet is drawn again over another one"
    );
    assert!(made("report/index.html") > before[1]);
}

#[test]
fn json_output_is_one_event_a_line_and_quiet_output_is_none() {
    let place = Place::new();
    fs::write(place.path("s.toml"), sweep("seed = [1, 2]")).unwrap();
    let output = place.ip2p(&["run", "s.toml", "--json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = |event: &str| {
        events
            .iter()
            .filter(|value| value["event"] == event)
            .count()
    };
    assert_eq!((count("begin"), count("cell"), count("end")), (1, 2, 1));
    let steps = events.iter().filter(|value| value["event"] == "step");
    let advanced: usize = steps
        .map(|step| step["cells"].as_array().unwrap().len())
        .sum();
    assert_eq!(advanced, 4, "two steps of two cells, together or not");
    place
        .ip2p(&["run", "s.toml", "--quiet", "--out", "other"])
        .assert()
        .success()
        .stdout("")
        .stderr("");
}

#[test]
fn a_folder_that_another_process_holds_is_left_alone() {
    let place = Place::new();
    place.run(&sweep("")).success();
    let lock = fs::File::open(place.path("results/s/.lock")).unwrap();
    lock.lock().unwrap();
    place
        .run(&sweep("seed = 5"))
        .code(1)
        .stderr(contains("results/s").and(contains("hint: ")));
}

#[test]
fn a_folder_of_other_things_is_left_alone() {
    let place = Place::new();
    fs::write(place.path("s.toml"), sweep("")).unwrap();
    let refused = place
        .ip2p(&["run", "s.toml", "--out", "model"])
        .assert()
        .code(1);
    refused.stderr(contains("is no run folder and not empty").and(contains("hint: ")));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_exits_with_130_and_keeps_what_was_done() {
    let place = Place::new();
    fs::write(
        place.path("s.toml"),
        sweep("seed = { from = 1, count = 200 }"),
    )
    .unwrap();
    let mut child = place
        .ip2p(&["run", "s.toml"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let journal = place.path("results/s/journal.jsonl");
    let patience = Instant::now() + Duration::from_secs(120);
    while fs::read(&journal).is_ok_and(|lines| lines.is_empty()) || !journal.exists() {
        assert!(Instant::now() < patience, "no cell was finished");
        sleep(Duration::from_millis(5));
    }
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .assert()
        .success();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let done = fs::read_to_string(&journal).unwrap().lines().count();
    assert!((1..200).contains(&done), "{done} cells");
    let rows = fs::read_to_string(place.path("results/s/cells.csv"))
        .unwrap()
        .lines()
        .count();
    assert_eq!(rows, 1 + done, "the tables say what the journal says");
    let page = fs::read_to_string(place.path("results/s/report/index.html")).unwrap();
    assert!(
        page.contains("not there yet"),
        "the report was written while the run went on"
    );
}

#[test]
fn every_example_sweep_has_a_plan() {
    let sweeps = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps");
    let files = fs::read_dir(sweeps)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    assert!(files.len() >= 7);
    for file in files {
        Command::new(env!("CARGO_BIN_EXE_ip2p"))
            .arg("plan")
            .arg(file)
            .assert()
            .success();
    }
}

#[test]
fn a_new_sweep_file_has_a_plan() {
    let place = Place::new();
    let instruction = "make it \"winter\" \\ now";
    place
        .ip2p(&["init", "in.png", instruction, "--model", "model"])
        .assert()
        .success();
    place
        .ip2p(&["plan", "sweep.toml"])
        .assert()
        .success()
        .stdout(contains(instruction));
    place
        .ip2p(&["init", "in.png", "x"])
        .assert()
        .code(1)
        .stderr(contains("sweep.toml"));
}

#[test]
fn schema_and_completions_are_printed() {
    let place = Place::new();
    let schema = place.ip2p(&["schema"]).output().unwrap().stdout;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    assert!(schema["properties"]["sweep"].is_object());
    place
        .ip2p(&["completions", "bash"])
        .assert()
        .success()
        .stdout(contains("ip2p"));
    place.ip2p(&[]).assert().code(2);
    place.ip2p(&["run"]).assert().code(2);
}
