//! A beginner's first steps: a model is exported, a sweep file written, and missing things are reported.

use std::fs;
use std::path::Path;

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::contains;

use super::fixture::{Place, sweep};

#[test]
fn the_bundled_model_is_called_demo_wherever_the_sweep_file_lies() {
    let place = Place::new();
    place
        .run(&sweep("").replace("\"model\"", "\"demo\""))
        .success();
    let plan = fs::read_to_string(place.path("results/s/plan.json")).unwrap();
    assert!(plan.contains("\"demo\""), "{plan}");
}

#[test]
fn a_folder_is_not_mistaken_for_the_bundled_model() {
    let place = Place::new();
    fs::rename(place.path("model"), place.path("demo")).unwrap();
    place
        .run(&sweep("").replace("\"model\"", "\"demo\""))
        .code(2)
        .stderr(
            contains("is the bundled model, and there is a folder of that name")
                .and(contains("write \"./demo\" for the folder")),
        );
    place
        .run(&sweep("").replace("\"model\"", "\"./demo\""))
        .success();
}

#[test]
fn a_missing_model_names_the_command_that_makes_it() {
    let place = Place::new();
    place
        .run(&sweep("").replace("\"model\"", "\"onnx/instruct-pix2pix\""))
        .code(2)
        .stderr(contains(
            "`ip2p export timbrooks/instruct-pix2pix --out onnx/instruct-pix2pix` makes one there",
        ));
}

#[test]
fn init_takes_the_model_that_is_there_and_names_paths_as_the_sweep_file_needs_them() {
    let place = Place::new();
    fs::create_dir_all(place.path("onnx")).unwrap();
    fs::rename(place.path("model"), place.path("onnx/mine")).unwrap();
    fs::create_dir(place.path("sweeps")).unwrap();
    fs::create_dir(place.path("photos")).unwrap();
    fs::copy(place.path("in.png"), place.path("photos/my photo.png")).unwrap();
    let instruction = "two lines, \"quoted\" \\ and # no comment";
    let out = "sweeps/winter.toml";
    place
        .ip2p(&["init", "photos/my photo.png", instruction, "--out", out])
        .assert()
        .success()
        .stdout("wrote sweeps/winter.toml\n")
        .stderr("next: ip2p plan sweeps/winter.toml\n");
    let text = fs::read_to_string(place.path(out)).unwrap();
    let table: toml::Table = text.parse().unwrap();
    assert_eq!(table["model"].as_str(), Some("../onnx/mine"));
    assert_eq!(
        table["sweep"]["image"].as_str(),
        Some("../photos/my photo.png")
    );
    assert_eq!(table["sweep"]["instruction"].as_str(), Some(instruction));
    // A pattern, and a path relative to the sweep file.
    for (given, written) in [
        ("photos/*.png", "../photos/*.png"),
        ("../in.png", "../in.png"),
    ] {
        fs::remove_file(place.path(out)).unwrap();
        let arguments = ["init", given, "x", "--out", out];
        place.ip2p(&arguments).assert().success();
        let table: toml::Table = fs::read_to_string(place.path(out))
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(table["sweep"]["image"].as_str(), Some(written));
    }
}

#[test]
fn doctor_calls_nothing_ok_that_is_missing_and_ends_with_one_thing_to_do() {
    let place = Place::new();
    let next = |arguments: &[&str]| {
        let mut doctor = place.ip2p(arguments);
        doctor.env("XDG_CACHE_HOME", place.path("no-cache"));
        let said = String::from_utf8(doctor.output().unwrap().stdout).unwrap();
        for line in said.lines().filter(|line| line.starts_with("ok")) {
            assert!(
                !line.contains("not ") && !line.contains("no-cache"),
                "{line}"
            );
        }
        said.lines().last().unwrap().to_owned()
    };
    assert!(next(&["doctor"]).starts_with("next: ip2p demo"));
    assert_eq!(
        next(&["doctor", "model"]),
        "next: ip2p init IMAGE \"make it winter\" --model model"
    );
    assert!(
        next(&["doctor", "nowhere"])
            .contains("ip2p export timbrooks/instruct-pix2pix --out nowhere")
    );
}

#[cfg(unix)]
pub mod exporting {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    /// A replacement for `python3` and `uv`: records how it is called, makes environments from itself, and "exports"
    /// what it is asked to.
    const STAND_IN: &str = r#"#!/bin/sh
echo "$(basename "$0") $*" >> "LOG"
case "$*" in
  *venv*) for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python";;
  *export*.py*--out*)
    [ -e FAIL ] && exit 1
    while [ "$1" != --out ]; do shift; done
    echo "as the scripts print"; mkdir -p "$2"; echo "$PYTHONPATH" > "$2/pythonpath"; echo "$HF_HUB_OFFLINE" > "$2/offline";;
esac
"#;

    /// A folder with its own programs.
    pub struct Desk {
        pub place: Place,
    }

    impl Desk {
        /// A folder with these programs on the search path.
        pub fn with(programs: &[&str]) -> Self {
            let place = Place::new();
            fs::create_dir(place.path("programs")).unwrap();
            for name in programs {
                let path = place.path("programs").join(name);
                let text = STAND_IN
                    .replace("LOG", &place.path("log").display().to_string())
                    .replace("FAIL", &place.path("fail").display().to_string());
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            Self { place }
        }

        pub fn export(&self, arguments: &[&str]) -> Command {
            let arguments: Vec<&str> = ["export"].iter().chain(arguments).copied().collect();
            let mut command = self.place.ip2p(&arguments);
            let programs = self.place.path("programs").display().to_string();
            command
                .env("PATH", format!("{programs}:/usr/bin:/bin"))
                .env("XDG_CACHE_HOME", self.place.path("cache"));
            command
        }

        fn log(&self) -> Vec<String> {
            let text = fs::read_to_string(self.place.path("log")).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    #[test]
    fn the_environment_is_made_once_and_the_line_for_a_sweep_ends_it() {
        let desk = Desk::with(&["uv", "python3"]);
        let arguments = [
            "someone/some-model",
            "--lora",
            "in.png:0.5",
            "--precision",
            "fp16",
        ];
        desk.export(&arguments)
            .assert()
            .success()
            .stdout(contains("\nmodel = \"onnx/some-model-fp16\"\n"))
            .stderr(contains("installing the packages of the export"));
        let log = desk.log();
        assert_eq!(log.len(), 3, "{log:#?}");
        assert!(log[0].starts_with("uv venv"), "{log:#?}");
        assert!(log[1].starts_with("uv pip install"), "{log:#?}");
        let lora = desk.place.path("in.png:0.5");
        let out = desk.place.path("onnx/some-model-fp16");
        let options = format!(
            "export.py someone/some-model --out {} --lora {} --precision fp16 --verify",
            out.display(),
            lora.display()
        );
        assert!(
            log[2].starts_with("python ") && log[2].ends_with(&options),
            "{log:#?}"
        );
        let scripts = fs::read_to_string(out.join("pythonpath")).unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx");
        for name in ["export.py", "export_clip.py", "ip2p_export/pipeline.py"] {
            let bundled = fs::read(Path::new(scripts.trim()).join(name)).unwrap();
            assert!(bundled == fs::read(here.join(name)).unwrap(), "{name}");
        }
        let again = desk
            .export(&["some/clip", "--clip", "--no-verify"])
            .assert()
            .success();
        again.stdout(contains("[measures]\nclip = \"onnx/clip\"\n"));
        let log = desk.log();
        assert_eq!(log.len(), 4, "{log:#?}");
        assert!(log[3].contains("export_clip.py some/clip --out") && !log[3].contains("--verify"));
    }

    #[test]
    fn what_cannot_be_exported_or_written_is_told_before_anything_is_installed_or_fetched() {
        let desk = Desk::with(&["uv", "python3"]);
        let arguments = ["someone/some-model", "--out", "model"];
        desk.export(&arguments)
            .assert()
            .code(2)
            .stderr(contains("model exists already").and(contains("--overwrite")));
        fs::create_dir(desk.place.path("photos")).unwrap();
        desk.export(&["photos"]).assert().code(2).stderr(contains(
            "photos is not a model to export: it has no model_index.json",
        ));
        assert!(!desk.place.path("log").exists());
        let mut export = desk.export(&["someone/some-model", "--out", "model", "--overwrite"]);
        export.assert().success();
        // If the packages are installed, a model that was fetched before is exported without a network.
        let mut export = desk.export(&["someone/some-model", "--out", "second"]);
        export.env("IP2P_OFFLINE", "1").assert().success();
        let offline = |out: &str| fs::read_to_string(desk.place.path(out).join("offline")).unwrap();
        assert_eq!(
            (offline("model").trim(), offline("second").trim()),
            ("", "1")
        );
    }

    #[test]
    fn without_uv_python_makes_the_environment_itself() {
        let desk = Desk::with(&["python3"]);
        desk.export(&["model", "--out", "out"]).assert().success();
        let log = desk.log();
        let begins = [
            "python3 -c",
            "python3 -m venv",
            "python -m pip install",
            "python ",
        ];
        for (line, begin) in log.iter().zip(begins) {
            assert!(line.starts_with(begin), "{log:#?}");
        }
        let model = desk.place.path("model");
        assert!(
            log[3].contains(&format!("export.py {} --out", model.display())),
            "{log:#?}"
        );
    }

    #[test]
    fn with_neither_it_is_told_what_to_install() {
        let desk = Desk::with(&[]);
        let mut export = desk.export(&["someone/some-model"]);
        export.env("PATH", desk.place.path("programs"));
        export
            .assert()
            .code(3)
            .stderr(contains("exporting needs `uv`, or Python 3.11 or newer"));
        export.env("IP2P_OFFLINE", "1");
        export
            .assert()
            .code(3)
            .stderr(contains("IP2P_OFFLINE is set"));
    }

    #[test]
    fn a_failed_export_ends_with_the_scripts_exit_code_and_no_line_for_a_sweep() {
        let desk = Desk::with(&["python3"]);
        fs::write(desk.place.path("fail"), "").unwrap();
        desk.export(&["someone/some-model"])
            .assert()
            .code(1)
            .stdout(contains("model =").not());
    }
}
