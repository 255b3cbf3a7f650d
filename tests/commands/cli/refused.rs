//! What cannot work is refused before anything runs, with a remedy.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::contains;

use super::fixture::{Place, says, sweep};
use crate::common::library;

#[test]
fn mistakes_in_the_sweep_file_are_shown_with_place_and_remedy() {
    let place = Place::new();
    let cases = [
        (
            sweep("guidence_scale = 7"),
            "unknown key \"guidence_scale\" in [sweep]\n  --> s.toml:6:1\n   |\n 6 | guidence_scale = 7\n   | ^\nhint: did you mean guidance_scale?",
        ),
        (
            sweep("").replace("in.png", "*.jpg"),
            "image: no file matches \"*.jpg\" in the current folder\n  --> s.toml:3:9\n   |\n 3 | image = \"*.jpg\"\n   |         ^\n\
             hint: paths are relative to the sweep file; `*` does not reach into subfolders, `**/` does",
        ),
        (
            format!("name = \"../x\"\n{}", sweep("")),
            "\"../x\" cannot be the name of a run folder: only letters, digits, `.`, `_` and `-` are allowed\n  \
             --> s.toml:1:8\n   |\n 1 | name = \"../x\"\n   |        ^\nhint: choose another, e.g. name = \"x\"",
        ),
        (
            sweep("").replace("make it", "make\\u001bit"),
            "instruction holds the control character \\u{1b}\n  --> s.toml:4:15\n   |\n 4 | instruction = \"make\\u001bit winter\"\n   |               ^\n\
             hint: write the text on one line, with spaces instead of tabs",
        ),
        (
            sweep("").replace("\"model\"", "\"nowhere\""),
            "model \"nowhere\" does not exist in the current folder\n  --> s.toml:1:9\n   |\n 1 | model = \"nowhere\"\n   |         ^\n\
             hint: paths are relative to the sweep file; `ip2p export timbrooks/instruct-pix2pix --out nowhere` makes one there; model = \"demo\" is the bundled one, which knows drawings",
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
fn a_font_of_no_use_is_refused_before_anything_runs() {
    let place = Place::new();
    place
        .run(&sweep("[sheet]\nfont = \"in.png\""))
        .code(2)
        .stderr(contains(
            "in.png: it is not a TrueType or OpenType font\nhint: give a .ttf",
        ))
        .stdout("");
    assert!(!place.path("results").exists());
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
    let panics = "fuzz/samples/picture/decoder_panics.jpg";
    let panics = Path::new(env!("CARGO_MANIFEST_DIR")).join(panics);
    fs::copy(panics, place.path("panics.jpg")).unwrap();
    let cases = [
        (
            "empty.png",
            "image empty.png is empty\nhint: copy or download it again",
        ),
        ("cut.png", "image cut.png is damaged or cut short"),
        // Its decoder panics, which is reported as what it means.
        (
            "panics.jpg",
            "error: image panics.jpg is damaged or cut short",
        ),
        (
            "text.png",
            "text.png is not an image that can be read\nhint: PNG, JPEG",
        ),
        ("enormous.png", "enormous.png"),
    ];
    for (name, error) in cases {
        let refused = place.run(&sweep("").replace("in.png", name));
        let told = contains(error).and(contains("hint: "));
        refused.code(2).stderr(told.and(contains("crashed").not()));
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
    run.success().stderr(contains(note));
    place
        .ip2p(&["plan", "s.toml"])
        .assert()
        .success()
        .stderr(contains(note));
}

#[test]
fn models_that_cannot_work_are_refused_before_anything_runs() {
    let place = Place::new();
    let config = place.path("model/unet/config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("\"in_channels\": 8", "\"in_channels\": 5"),
    )
    .unwrap();
    place
        .run(&sweep(""))
        .code(3)
        .stderr(contains("has a UNet with 5 input channels").and(contains("hint: ")));
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
            .current_dir(place.path(""))
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
    place.ip2p(&["run", "s.toml", "--onnxruntime", "nowhere"]).assert().code(3).stderr(says(
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

#[cfg(unix)]
#[test]
fn nothing_of_the_current_folder_is_executed_or_loaded() {
    let place = Place::new();
    fs::write(place.path("s.toml"), sweep("")).unwrap();
    let executed = place.path("executed");
    let python = format!("open({:?}, 'w').close()\n", executed.display().to_string());
    for module in ["pip", "onnxruntime", "importlib", "sitecustomize"] {
        fs::create_dir_all(place.path(module).join("capi")).unwrap();
        for file in ["__init__.py", "__main__.py"] {
            fs::write(place.path(module).join(file), &python).unwrap();
        }
    }
    // A library that loads, and would be used.
    fs::copy(
        library().path,
        place.path("onnxruntime/capi/libonnxruntime.so.9.9.9"),
    )
    .unwrap();
    let script = place.path("python3");
    fs::write(
        &script,
        format!("#!/bin/sh\ntouch '{}'\n", executed.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let search = |first: &str| format!("{first}:{}", std::env::var("PATH").unwrap());
    for (first, modules) in [("", ""), (".", "."), ("/nowhere", ":")] {
        for arguments in [&["doctor"][..], &["run", "s.toml"], &["setup"], &["demo"]] {
            let mut command = place.ip2p(arguments);
            command
                .env_remove("ORT_DYLIB_PATH")
                .env("PATH", search(first));
            command
                .env("PYTHONPATH", modules)
                .env("LD_LIBRARY_PATH", "");
            command.env("XDG_CACHE_HOME", place.path("cache"));
            // Nothing must be fetched.
            command
                .env("PIP_INDEX_URL", "file:///nowhere")
                .env("PIP_NO_INDEX", "1");
            let output = command.output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(!told.contains("9.9.9"), "{arguments:?}: {told}");
            assert!(
                !executed.exists(),
                "{arguments:?} with PATH={first}, PYTHONPATH={modules}"
            );
        }
    }
}
