//! Attacks, in short: changed files for every parser, files that cannot be opened, and killed commands. Whatever
//! happens, a command must end soon, with a documented exit code and a message of its own, and the next command must
//! work.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{copy_folder, files_of, library, place::Place};

/// Number of mutations of each file.
const MUTATIONS: usize = 8;
/// More than any command takes for a small run.
const PATIENCE: Duration = Duration::from_secs(60);
/// The exit codes listed in the README.
const CODES: [i32; 8] = [0, 1, 2, 3, 10, 11, 12, 130];

/// A finished run of two cells, and its baseline.
fn attacked() -> Place {
    let place = Place::new();
    let sweep = "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\nseed = [1, 2]\n\
                 guidance_scale = { from = 3.0, to = 4.0, step = 1.0 }\nnum_inference_steps = 1\n[runtime]\nthreads = 1\n";
    place.run(sweep).success();
    let accepted = place.ip2p(&["accept", "results/s", "-y"]).output();
    assert!(accepted.unwrap().status.success());
    place
}

/// Runs a command; returns what is wrong with its outcome.
fn fault(mut command: Command) -> Option<String> {
    let errors = tempfile::NamedTempFile::new().unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(errors.reopen().unwrap()).spawn().unwrap();
    let begun = Instant::now();
    let ended = loop {
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None if begun.elapsed() > PATIENCE => {
                child.kill().unwrap();
                child.wait().unwrap();
                return Some("it hangs".to_owned());
            }
            None => sleep(Duration::from_millis(2)),
        }
    };
    let told = fs::read_to_string(errors.path()).unwrap_or_default();
    let is_quiet = told.contains("error: ") || matches!(ended.code(), Some(0 | 10 | 11 | 12));
    match ended.code() {
        Some(code) if CODES.contains(&code) && !told.contains("because of a bug") && is_quiet => {
            None
        }
        _ => Some(format!("{}: {told}", shown(ended))),
    }
}

fn shown(ended: ExitStatus) -> String {
    ended
        .code()
        .map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"))
}

#[test]
fn files_with_something_changed_in_them_are_errors_at_most() {
    let place = attacked();
    let key = fs::read_dir(place.path("results/s/cells"))
        .unwrap()
        .next()
        .unwrap();
    let cell = format!("results/s/cells/{}", key.unwrap().file_name().display());
    let attacks: [(&str, &[&str]); 11] = [
        ("s.toml", &["plan", "s.toml"]),
        ("in.png", &["plan", "s.toml"]),
        ("model/unet/config.json", &["plan", "s.toml"]),
        ("model/scheduler/scheduler_config.json", &["plan", "s.toml"]),
        ("model/tokenizer/vocab.json", &["plan", "s.toml"]),
        ("model/vae_encoder/model.onnx", &["plan", "s.toml"]),
        ("results/s/plan.json", &["report", "results/s"]),
        ("results/s/plan.json", &["accept", "results/s", "-y"]),
        ("results/s/journal.jsonl", &["sheet", "results/s"]),
        (
            "results/baseline/s/manifest.json",
            &["accept", "results/s", "-y"],
        ),
        (&cell, &["compare", "results/s", "results/s"]),
    ];
    let kept = tempfile::tempdir().unwrap();
    copy_folder(place.folder.path(), kept.path());
    let mut random = Random(0x9e37_79b9);
    let mut faults = Vec::new();
    for (file, arguments) in attacks {
        let whole = fs::read(place.path(file)).unwrap();
        for _ in 0..MUTATIONS {
            let changed = mutated(&whole, &mut random);
            fs::write(place.path(file), &changed).unwrap();
            if let Some(fault) = fault(place.ip2p(arguments)) {
                faults.push(format!("{file}, {arguments:?}: {fault}"));
            }
        }
        restore(kept.path(), place.folder.path());
    }
    println!(
        "{} files, {} with faults",
        attacks.len() * MUTATIONS,
        faults.len()
    );
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Restores the files, and checks that no new ones exist outside the program's folders.
fn restore(kept: &Path, place: &Path) {
    let before = files_of(kept);
    for (file, _) in files_of(place) {
        assert!(
            before.contains_key(&file) || file.starts_with("results"),
            "{}",
            file.display()
        );
    }
    fs::remove_dir_all(place.join("results")).unwrap();
    copy_folder(kept, place);
}

#[cfg(unix)]
#[test]
fn files_that_cannot_be_opened_are_errors_and_the_next_command_goes_on() {
    let place = attacked();
    let mut faults = Vec::new();
    let mut tried = 0;
    for arguments in [
        &["run", "s.toml", "-q"][..],
        &["report", "results/s"],
        &["sheet", "results/s"],
        &["accept", "results/s", "-y"],
        &["compare", "results/s", "results/s"],
    ] {
        for most in [4, 6, 8, 10, 13, 16] {
            let inner = place.ip2p(arguments);
            let mut command = Command::new("sh");
            command.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]);
            command.arg(inner.get_program()).args(inner.get_args());
            command
                .current_dir(place.path(""))
                .env("ORT_DYLIB_PATH", library().path);
            command.env_remove("CI");
            tried += 1;
            // A program that cannot even open its own libraries is not our concern.
            if let Some(fault) = fault(command).filter(|fault| !fault.contains("shared libraries"))
            {
                faults.push(format!("{arguments:?} with {most} files: {fault}"));
            }
        }
        let after = place.ip2p(arguments).output().unwrap();
        if !after.status.success() {
            faults.push(format!(
                "{arguments:?} afterwards: {}",
                String::from_utf8_lossy(&after.stderr)
            ));
        }
    }
    println!("{tried} commands, {} with faults", faults.len());
    assert!(faults.is_empty(), "{faults:#?}");
    assert_no_leftovers(place.folder.path());
}

#[test]
fn commands_that_are_killed_leave_nothing_that_hinders_or_stays() {
    let place = attacked();
    let mut random = Random(0x2545_f491);
    for arguments in [
        &["report", "results/s"][..],
        &["sheet", "results/s"],
        &["accept", "results/s", "-y"],
        &["compare", "results/s", "results/s"],
    ] {
        for _ in 0..6 {
            let mut command = place.ip2p(arguments);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            sleep(Duration::from_millis(random.below(80)));
            // It may have ended already.
            let _ = child.kill();
            child.wait().unwrap();
        }
        let after = place.ip2p(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&after.stderr).into_owned();
        assert!(after.status.success(), "{arguments:?}: {told}");
    }
    assert_no_leftovers(place.folder.path());
}

fn assert_no_leftovers(folder: &Path) {
    let left = files_of(folder).into_keys().find(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.starts_with(".ip2p-")
    });
    assert_eq!(left, None);
}

/// A copy with something changed, removed or added; in text sometimes a number or a string.
fn mutated(whole: &[u8], random: &mut Random) -> Vec<u8> {
    const EXTREME: [&str; 10] = [
        "-1",
        "1e308",
        "18446744073709551616",
        "null",
        "[[]]",
        "{}",
        "\"../../x\"",
        "\"/dev/zero\"",
        "\"\\u0000\"",
        "true",
    ];
    let mut bytes = whole.to_vec();
    let at = random.below(bytes.len() as u64) as usize;
    match random.below(6) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..(at + 50).min(whole.len()))),
        3 => drop(bytes.splice(at..at, *b"\xff\xff\xff\xff")),
        4 => drop(bytes.splice(at..at, vec![b'['; 5000])),
        _ => {
            let is_of_value = |byte: &u8| byte.is_ascii_digit() || b".\"".contains(byte);
            let from = at + bytes[at..].iter().position(is_of_value).unwrap_or(0);
            let length = bytes[from..]
                .iter()
                .take_while(|byte| !b",\n}]".contains(byte))
                .count();
            let extreme = EXTREME[random.below(EXTREME.len() as u64) as usize];
            drop(bytes.splice(from..from + length, extreme.bytes()));
        }
    }
    bytes
}

/// Marsaglia's xorshift, which gives the same sequence every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}
