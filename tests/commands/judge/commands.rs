//! `ip2p check` and `ip2p accept` as commands.

use std::fs;

use ip2p_sweep::judge::MANIFEST;
use ip2p_sweep::store::Run;

use super::fixture::swapped;
use crate::common::{self, place::CI_VARIABLES};

#[test]
fn the_commands_end_with_the_documented_codes() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = folder.path().join("snap.toml");
    let text = format!(
        "model = {:?}\n[sweep]\nimage = {:?}\ninstruction = \"make it winter\"\nseed = [1, 2]\nnum_inference_steps = 2\n",
        common::golden().join("tiny_eps"),
        common::golden().join("runs/input/64x64.png"),
    );
    fs::write(&sweep, text).unwrap();
    let library = common::library().path;
    let ip2p = |arguments: &[&str], ci: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ip2p"));
        command
            .env("ORT_DYLIB_PATH", &library)
            .args(arguments)
            .current_dir(folder.path());
        for name in CI_VARIABLES {
            command.env_remove(name);
        }
        if let Some(value) = ci {
            command.env("CI", value).env("GITHUB_ACTIONS", value);
        }
        command.stdin(std::process::Stdio::null());
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = ip2p(&["check", "snap.toml", "--shard", "2/2"], None);
    assert_eq!(code, Some(11), "{text}");
    assert!(text.contains("1 new"), "{text}");
    let (code, text) = ip2p(&["check", "snap.toml"], None);
    assert_eq!(code, Some(11), "{text}");
    assert!(
        text.contains("2 new") && text.contains("ip2p accept results/snap"),
        "{text}"
    );

    let (code, text) = ip2p(&["check", "snap.toml", "--baseline", "other place"], None);
    assert_eq!(code, Some(11), "{text}");
    let accept = "ip2p accept results/snap --baseline 'other place'";
    assert!(
        text.contains(accept),
        "the baseline that was asked for: {text}"
    );
    let page = fs::read_to_string(folder.path().join("results/snap/check/index.html")).unwrap();
    let shown = accept.replace('/', "&#x2f;").replace('\'', "&#x27;");
    assert!(page.contains(&shown), "{shown}");

    let (code, text) = ip2p(&["accept", "results/snap", "--yes"], Some("true"));
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("error: baselines are not accepted where CI is set\nhint: "),
        "{text}"
    );
    let (code, text) = ip2p(&["accept", "results/snap"], None);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("add ") && text.contains("error: stdin is not a terminal"),
        "{text}"
    );
    assert!(!folder.path().join("results/baseline").exists());
    let (code, text) = ip2p(&["accept", "results/snap", "--yes"], None);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = ip2p(&["check", "snap.toml"], Some("true"));
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("2 same") && !text.contains("::error"),
        "{text}"
    );

    let run = Run::read(&folder.path().join("results/snap")).unwrap();
    let path = run.image_path(&run.plan.cells[1].key).unwrap();
    swapped(1, image::open(&path).unwrap().into_rgb8())
        .save(&path)
        .unwrap();
    common::forget_digests(&run.folder);
    let (code, text) = ip2p(&["check", "snap.toml"], Some("true"));
    assert_eq!(code, Some(10), "{text}");
    assert!(
        text.contains("1 same, 1 regression") && text.contains("\n::error title=regression%3A "),
        "{text}"
    );
    assert!(
        text.contains("nothing known changed since the baseline")
            && text.contains("would have passed"),
        "{text}"
    );
    let (code, text) = ip2p(&["check", "snap.toml", "--shard", "1/2"], None);
    assert_eq!(code, Some(0), "{text}");

    fs::write(
        folder.path().join("results/baseline/snap").join(MANIFEST),
        "{}",
    )
    .unwrap();
    let (code, text) = ip2p(&["check", "snap.toml"], None);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("manifest.json cannot be understood: it has no format number\nhint: "),
        "{text}"
    );
}
