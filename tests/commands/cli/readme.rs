//! Every command of the README, run in order as a reader would.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::fixture::Place;
use crate::common::copy_folder;

/// What the README's shell blocks contain besides `ip2p`; .ci/run does the same with the wheel that it builds.
const OTHERS: [&str; 1] = ["uvx ip2p-sweep demo"];
/// Commands that download from the hub: this test puts their results in place itself.
const FETCHES: [&str; 1] = ["ip2p export timbrooks/instruct-pix2pix"];

fn readme() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join("README.md")).unwrap()
}

/// The lines of code blocks in a language, without trailing comments.
fn lines_of(language: &str) -> Vec<String> {
    let text = readme();
    let blocks = text.split("```").skip(1).step_by(2);
    let blocks = blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    blocks
        .flat_map(str::lines)
        .map(|line| line.split("  #").next().unwrap_or(line).trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn the_commands_of_the_readme_do_what_it_says_of_them() {
    let place = Place::new();
    fs::rename(place.path("in.png"), place.path("photo.jpg")).unwrap();
    let mut run = 0;
    for line in lines_of("sh") {
        let words = shlex::split(&line).unwrap();
        let Some(("ip2p", arguments)) = words.split_first().map(|(one, rest)| (one.as_str(), rest))
        else {
            assert!(
                OTHERS.contains(&line.as_str()),
                "an unknown command: {line}"
            );
            continue;
        };
        if FETCHES.contains(&line.as_str()) {
            copy_folder(&place.path("model"), &place.path("onnx/instruct-pix2pix"));
            continue;
        }
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if arguments[0] == "accept" {
            // On a terminal the command asks for confirmation.
            arguments.push("--yes");
        }
        let Output { status, stderr, .. } = place.ip2p(&arguments).output().unwrap();
        // "exit code 11: nothing accepted yet"
        let expected = if arguments[0] == "check" { 11 } else { 0 };
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(expected), "{line}: {said}");
        run += 1;
    }
    assert!(run >= 6, "the README's blocks were not found");
    for left in [
        "winter.toml",
        "results/winter/report/index.html",
        "results/baseline/winter/manifest.json",
    ] {
        assert!(place.path(left).exists(), "{left}");
    }
}

#[test]
fn the_first_sweep_file_of_the_readme_is_one() {
    let place = Place::new();
    fs::rename(place.path("in.png"), place.path("photo.jpg")).unwrap();
    copy_folder(&place.path("model"), &place.path("onnx/instruct-pix2pix"));
    let toml = readme()
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap()
        .to_owned();
    fs::write(place.path("s.toml"), toml).unwrap();
    let plan = place.ip2p(&["plan", "s.toml"]).output().unwrap();
    assert!(
        plan.status.success(),
        "{}",
        String::from_utf8_lossy(&plan.stderr)
    );
    assert!(
        String::from_utf8_lossy(&plan.stdout).contains("15"),
        "three by five cells"
    );
}
