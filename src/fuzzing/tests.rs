//! Calls every entry point with samples that are damaged as files are, or as an attacker would. `fuzz/` goes further;
//! `IP2P_FUZZ_SECONDS=60 cargo test --release --lib fuzzing` spends that time on each entry point if there is no
//! nightly compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use walkdir::WalkDir;

use super::{ENTRY_POINTS, EntryPoint};

/// How many damaged samples are tried without a time limit: enough to find what breaks easily.
const DAMAGED_SAMPLES: usize = 300;
/// The most bytes of a sample that are used, so that samples of megabytes do not take all the time.
const LONGEST: usize = 64 << 10;
/// Numbers at which lengths and offsets overflow.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

#[test]
fn no_entry_point_panics_whatever_the_input() {
    let seconds = std::env::var("IP2P_FUZZ_SECONDS").ok();
    let time = seconds.map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    std::thread::scope(|threads| {
        for (name, entry_point) in ENTRY_POINTS {
            threads.spawn(move || call_with_samples(name, entry_point, time));
        }
    });
}

/// The name of each target is that of its file in `fuzz/`.
#[test]
fn every_entry_point_has_a_fuzz_target_and_every_target_an_entry_point() {
    let targets = root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(targets)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut names: Vec<String> = files
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ENTRY_POINTS.map(|(name, _)| name));
}

/// Calls an entry point with each sample and with damaged ones, for a time or a number of times.
#[expect(clippy::print_stderr, reason = "for who waits for it")]
fn call_with_samples(name: &str, entry_point: EntryPoint, time: Option<Duration>) {
    let samples = samples(name);
    assert!(!samples.is_empty(), "{name} has no samples");
    samples.iter().for_each(|sample| entry_point(sample));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let begin = Instant::now();
    let mut times = 0;
    while time.map_or(times < DAMAGED_SAMPLES, |time| begin.elapsed() < time) {
        let sample: &Vec<u8> = random.of(&samples);
        let mut bytes = sample.clone();
        bytes.truncate(LONGEST);
        for _ in 0..=random.below(4) {
            let other: &Vec<u8> = random.of(&samples);
            damage(&mut bytes, other, &mut random);
        }
        let fell = std::panic::catch_unwind(|| entry_point(&bytes)).is_err();
        assert!(!fell, "{name}: {:?}", kept(name, &bytes));
        times += 1;
    }
    if time.is_some() {
        eprintln!("{name}: {times} times");
    }
}

/// Makes one change: flips bits, inserts a number, removes or repeats a piece, inserts one of another sample, or cuts
/// the end.
fn damage(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(bytes.len().max(1)).min(bytes.len());
    let length = random.below(64).min(bytes.len() - at);
    match random.below(6) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..at + length)),
        2 => {
            let piece = bytes[at..at + length].to_vec();
            bytes.splice(at..at, piece);
        }
        3 => {
            let from = random.below(other.len().max(1)).min(other.len());
            let end = (from + length).min(other.len());
            bytes.splice(at..at, other[from..end].iter().copied());
        }
        4 => {
            let edge = *random.of(&EDGES);
            let width = [1, 2, 4, 8][random.below(4)];
            for (byte, value) in bytes[at..].iter_mut().zip(edge.to_le_bytes()).take(width) {
                *byte = value;
            }
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

/// Saves the input that an entry point failed on.
fn kept(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("ip2p-fell-{name}"));
    fs::write(&path, bytes).unwrap();
    path
}

/// Samples that are valid, or invalid in unusual ways: files kept for an entry point, and others of the repository.
fn samples(name: &str) -> Vec<Vec<u8>> {
    let places: &[&str] = match name {
        "journal" => &["fuzz/samples/journal"],
        "manifest" => &["results/baseline/check/manifest.json"],
        "picture" => &[
            "fuzz/samples/picture",
            "tests/golden/images/source",
            "tests/golden/images/odd",
        ],
        "plan" => &["fuzz/samples/plan"],
        "png_text" => &["results/baseline/check/cells"],
        "protobuf" => &[
            "onnx/demo/text_encoder",
            "tests/cuda/identity_float16.onnx",
            "tests/golden/tiny_generate/unet",
        ],
        "sweep" => &["src/spec/tests/wrong"],
        "tokenizer" => &["onnx/demo/tokenizer/tokenizer.json"],
        _ => panic!("{name} has no samples"),
    };
    let files = places.iter().flat_map(|place| {
        let files = WalkDir::new(root().join(place)).sort_by_file_name();
        files.into_iter().map(|file| file.unwrap().into_path())
    });
    let files = files.filter(|path| path.is_file());
    files.map(|path| fs::read(path).unwrap()).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reproducible pseudo-random numbers (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }
}
