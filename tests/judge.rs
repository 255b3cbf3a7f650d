//! The comparator against what it must catch, computed by the real engine on the demo model; and baselines
//! through their whole life.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]
#![allow(
    clippy::print_stdout,
    reason = "the measures belong into docs/tolerances.md"
)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use image::{ImageFormat, Rgb, RgbImage};
use ip2p_sweep::judge::{
    Acceptance, Baseline, Cause, ChangeKind, Check, JudgeError, MANIFEST, Verdict, annotations,
    junit, latent_change, summary, write_reports,
};
use ip2p_sweep::plan::Shard;
use ip2p_sweep::runner::{Execution, prepare};
use ip2p_sweep::spec::{CheckSpec, RuntimeOverrides};
use ip2p_sweep::store::Run;
use miette::Diagnostic;
use serde_json::{Value, json};
use tempfile::TempDir;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the sweep of a run may differ in.
#[derive(Clone)]
struct Sweep {
    model: PathBuf,
    image: PathBuf,
    guidance_scale: &'static str,
    seed: u64,
    steps: u32,
    threads: usize,
}

impl Sweep {
    fn demo() -> Self {
        Self {
            model: package().join("onnx/demo"),
            image: package().join("sweeps/photos/house.png"),
            guidance_scale: "7.0",
            seed: 3,
            steps: 10,
            threads: 0,
        }
    }

    fn tiny(model: &str) -> Self {
        Self {
            model: common::golden().join(model),
            image: common::golden().join("runs/input/64x64.png"),
            ..Self::demo()
        }
    }

    /// Two cells, computed into a folder.
    fn run(&self, folder: &Path) -> Run {
        let file = folder.with_extension("toml");
        let text = format!(
            "name = \"snap\"\nmodel = {:?}\n[sweep]\nimage = {:?}\n\
             instruction = [\"make it winter\", \"make it night\"]\nguidance_scale = {}\nseed = {}\n\
             num_inference_steps = {}\n[runtime]\ndevice = \"cpu\"\nthreads = {}\n",
            self.model, self.image, self.guidance_scale, self.seed, self.steps, self.threads,
        );
        fs::write(&file, text).unwrap();
        let prepared = prepare(&file, RuntimeOverrides::default()).unwrap();
        let execution = Execution::open(&prepared, folder, common::host()).unwrap();
        execution.run(&AtomicBool::new(false), &mut |_| ()).unwrap();
        Run::read(folder).unwrap()
    }
}

/// A run of the demo model and its baseline, computed once for all tests; copied before it is changed.
struct Accepted {
    folder: TempDir,
}

static DEMO: LazyLock<Accepted> = LazyLock::new(|| Accepted::of(&Sweep::demo()));
static TINY: LazyLock<Accepted> = LazyLock::new(|| Accepted::of(&Sweep::tiny("tiny_eps")));

impl Accepted {
    fn of(sweep: &Sweep) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = sweep.run(&folder.path().join("run"));
        accept(&run, &folder.path().join("baseline"), &[]);
        Self { folder }
    }

    fn copy(&self) -> Copied {
        let folder = tempfile::tempdir().unwrap();
        common::copy_folder(self.folder.path(), folder.path());
        Copied { folder }
    }
}

struct Copied {
    folder: TempDir,
}

impl Copied {
    fn run(&self) -> Run {
        Run::read(&self.folder.path().join("run")).unwrap()
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("baseline")
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.place().join(MANIFEST)).unwrap()).unwrap()
    }

    fn edit(&self, edit: impl Fn(&mut Value)) {
        let mut manifest = self.manifest();
        edit(&mut manifest);
        fs::write(self.place().join(MANIFEST), manifest.to_string()).unwrap();
    }

    fn check(&self) -> Result<Check, JudgeError> {
        check(&self.run(), &self.place())
    }

    /// As if the program had computed these images for the cells.
    fn with_images(&self, image_of: impl Fn(usize, RgbImage) -> RgbImage) -> Check {
        let run = self.run();
        for (index, cell) in run.plan.cells.iter().enumerate() {
            let path = run.folder.join(cell.key.image_path());
            let image = image::open(&path).unwrap().into_rgb8();
            image_of(index, image).save(&path).unwrap();
        }
        self.check().unwrap()
    }

    /// As if another run had been this one.
    fn with_run(&self, other: &Run) -> Check {
        self.with_images(|index, _| {
            let path = other.folder.join(other.plan.cells[index].key.image_path());
            image::open(path).unwrap().into_rgb8()
        })
    }
}

fn accept(run: &Run, place: &Path, only: &[String]) -> Vec<ChangeKind> {
    let mut baseline = Baseline::read(place).unwrap();
    let acceptance = Acceptance::new(run, &baseline, only, Some("a test")).unwrap();
    let kinds = acceptance
        .changes
        .iter()
        .map(|change| change.kind)
        .collect();
    acceptance.apply(&mut baseline).unwrap();
    assert_eq!(Baseline::read(place).unwrap().cells(), baseline.cells());
    kinds
}

fn check(run: &Run, place: &Path) -> Result<Check, JudgeError> {
    Check::new(
        run,
        &Baseline::read(place)?,
        CheckSpec::default(),
        Shard::WHOLE,
    )
}

fn verdicts(check: &Check) -> Vec<Verdict> {
    check.cells.iter().map(|cell| cell.verdict).collect()
}

/// A line of the table in docs/tolerances.md.
fn line(case: &str, check: &Check) -> String {
    let mut text = format!("| {case} |");
    for cell in &check.cells {
        let difference = cell.difference.unwrap();
        let _ = write!(
            text,
            " {} | {:.4} | {:.4} | {:.5} | {} | {:.1e} |",
            cell.verdict,
            difference.perceptual_mean,
            difference.perceptual_p99,
            difference.ssim,
            difference.level_max,
            cell.latent_change.unwrap_or_default(),
        );
    }
    text
}

fn swapped(_: usize, mut image: RgbImage) -> RgbImage {
    image.pixels_mut().for_each(|pixel| pixel.0.reverse());
    image
}

fn shifted(_: usize, image: RgbImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        *image.get_pixel(x.saturating_sub(1), y)
    })
}

fn black(index: usize, image: RgbImage) -> RgbImage {
    if index == 1 {
        return RgbImage::new(image.width(), image.height());
    }
    image
}

fn through_jpeg(_: usize, image: RgbImage) -> RgbImage {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    image.write_with_encoder(encoder).unwrap();
    image::load_from_memory_with_format(bytes.get_ref(), ImageFormat::Jpeg)
        .unwrap()
        .into_rgb8()
}

#[test]
fn what_must_be_caught_is_caught() {
    let base = Sweep::demo();
    let others = tempfile::tempdir().unwrap();
    let computed = |name: &str, sweep: Sweep| {
        let run = sweep.run(&others.path().join(name));
        (name.to_owned(), DEMO.copy().with_run(&run))
    };
    let changed = |name: &str, change: fn(usize, RgbImage) -> RgbImage| {
        (name.to_owned(), DEMO.copy().with_images(change))
    };
    let guidance_scale = "7.35";
    let cases = [
        computed(
            "guidance_scale off by 5 %",
            Sweep {
                guidance_scale,
                ..base.clone()
            },
        ),
        computed(
            "another seed",
            Sweep {
                seed: 4,
                ..base.clone()
            },
        ),
        computed(
            "one step fewer",
            Sweep {
                steps: 9,
                ..base.clone()
            },
        ),
        changed("red and blue swapped", swapped),
        changed("shifted by one pixel", shifted),
        changed("one black cell", black),
        changed("JPEG, quality 90", through_jpeg),
    ];
    for (name, check) in &cases {
        println!("{}", line(name, check));
    }
    for (name, check) in &cases {
        let expected = match name.as_str() {
            "one black cell" => vec![Verdict::Same, Verdict::Regression],
            _ => vec![Verdict::Regression; 2],
        };
        assert_eq!(verdicts(check), expected, "{name}");
        assert_eq!(check.exit_code(), 10, "{name}");
    }
}

/// Rounds every float32 weight of a component's file to float16, in place.
fn round_weights(file: &Path) -> usize {
    let mut bytes = fs::read(file).unwrap();
    // ModelProto.graph is field 7, GraphProto.initializer 5, TensorProto.data_type 2 and raw_data 9.
    let graphs = fields(&bytes, 0..bytes.len(), 7);
    let tensors = graphs
        .into_iter()
        .flat_map(|graph| fields(&bytes, graph, 5));
    let floats = tensors
        .flat_map(|tensor| fields(&bytes, tensor, 9))
        .collect::<Vec<_>>();
    let mut rounded = 0;
    for data in floats.into_iter().filter(|data| data.len() % 4 == 0) {
        for value in bytes[data].chunks_exact_mut(4) {
            let float = f32::from_le_bytes(value.try_into().unwrap());
            // Indices of other types are no such numbers.
            if (1e-4..1e4).contains(&float.abs()) {
                value.copy_from_slice(&half::f16::from_f32(float).to_f32().to_le_bytes());
                rounded += 1;
            }
        }
    }
    fs::write(file, bytes).unwrap();
    rounded
}

/// Where the contents of a message's length-delimited fields of this number are.
fn fields(
    bytes: &[u8],
    message: std::ops::Range<usize>,
    wanted: u64,
) -> Vec<std::ops::Range<usize>> {
    let mut at = message.start;
    let mut found = Vec::new();
    let varint = |at: &mut usize| {
        let mut value = 0u64;
        for shift in (0..).step_by(7) {
            let byte = bytes[*at];
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    };
    while at < message.end {
        let tag = varint(&mut at);
        match tag & 7 {
            0 => drop(varint(&mut at)),
            1 => at += 8,
            2 => {
                let length = varint(&mut at) as usize;
                if tag >> 3 == wanted {
                    found.push(at..at + length);
                }
                at += length;
            }
            _ => at += 4,
        }
    }
    found
}

#[test]
fn weights_rounded_to_float16_are_told_apart_from_pixels() {
    for name in ["tiny_eps", "tiny_v"] {
        let folder = tempfile::tempdir().unwrap();
        // One name for both models, as when a model is exported anew.
        let model = folder.path().join("model");
        common::copy_folder(&common::golden().join(name), &model);
        let sweep = Sweep {
            model: model.clone(),
            ..Sweep::tiny(name)
        };
        let place = folder.path().join("baseline");
        accept(&sweep.run(&folder.path().join("before")), &place, &[]);
        for component in ["unet", "vae_encoder", "vae_decoder", "text_encoder"] {
            assert!(round_weights(&model.join(component).join("model.onnx")) > 1000);
        }
        let after = check(&sweep.run(&folder.path().join("after")), &place).unwrap();
        println!("{}", line(&format!("weights in float16, {name}"), &after));
        for cell in &after.cells {
            assert!(
                matches!(cell.verdict, Verdict::Within | Verdict::Stale),
                "{:?}",
                cell.verdict
            );
            assert_eq!(cell.causes, [Cause::Model]);
            assert!(cell.early_warning, "{:?}", cell.latent_change);
        }
    }
}

#[test]
fn threads_and_repeats_do_not_matter() {
    let repeats = std::env::var("IP2P_TEST_REPEATS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let sweeps = [
        ("demo", Sweep::demo(), &*DEMO),
        ("tiny_eps", Sweep::tiny("tiny_eps"), &*TINY),
    ];
    for (name, sweep, accepted) in sweeps {
        for threads in [1, 2] {
            for repeat in 0..repeats {
                let folder = tempfile::tempdir().unwrap();
                let run = Sweep {
                    threads,
                    ..sweep.clone()
                }
                .run(&folder.path().join("again"));
                let check = check(&run, &accepted.folder.path().join("baseline")).unwrap();
                println!(
                    "{}",
                    line(
                        &format!("{name}, {threads} threads, repeat {repeat}"),
                        &check
                    )
                );
                assert_eq!(check.exit_code(), 0);
                assert!(check.early_warnings().is_empty());
            }
        }
    }
}

#[test]
fn a_baseline_is_accepted_kept_and_cleaned() {
    let copied = TINY.copy();
    let check = copied.check().unwrap();
    assert_eq!(verdicts(&check), [Verdict::Same; 2]);
    assert_eq!(check.exit_code(), 0);
    assert!(check.causes().is_empty());
    assert_eq!(accept(&copied.run(), &copied.place(), &[]), []);

    let keys: Vec<String> = copied
        .run()
        .plan
        .cells
        .iter()
        .map(|cell| cell.key.to_string())
        .collect();
    assert_eq!(copied.with_images(swapped).exit_code(), 10);
    assert_eq!(
        accept(&copied.run(), &copied.place(), &keys[1..]),
        [ChangeKind::Replace]
    );
    assert_eq!(
        verdicts(&copied.check().unwrap()),
        [Verdict::Regression, Verdict::Same]
    );
    assert_eq!(
        accept(&copied.run(), &copied.place(), &[]),
        [ChangeKind::Replace]
    );
    assert_eq!(copied.check().unwrap().exit_code(), 0);
    // Nothing that is no longer named is kept.
    assert_eq!(
        fs::read_dir(copied.place().join("cells")).unwrap().count(),
        2
    );
    assert_eq!(
        copied.manifest()["cells"][0]["accepted"][0]["reason"],
        "a test"
    );
}

#[test]
fn new_missing_and_failed_cells_are_told() {
    let copied = TINY.copy();
    let empty = copied.folder.path().join("none");
    let none = check(&copied.run(), &empty).unwrap();
    assert_eq!(
        (verdicts(&none), none.exit_code()),
        (vec![Verdict::New; 2], 11)
    );

    copied.edit(|manifest| manifest["cells"][0]["parameters"]["seed"] = json!(77));
    let changed = copied.check().unwrap();
    assert_eq!(
        verdicts(&changed),
        [Verdict::New, Verdict::Same, Verdict::Missing]
    );
    assert_eq!(changed.exit_code(), 11);
    let kinds = accept(&copied.run(), &copied.place(), &[]);
    assert_eq!(kinds, [ChangeKind::Add, ChangeKind::Remove]);
    assert_eq!(copied.check().unwrap().exit_code(), 0);

    let run = copied.run();
    fs::remove_file(run.folder.join(run.plan.cells[0].key.image_path())).unwrap();
    let lost = copied.check().unwrap();
    assert_eq!(
        (verdicts(&lost), lost.exit_code()),
        (vec![Verdict::Error, Verdict::Same], 12)
    );
}

#[test]
fn another_input_size_or_model_is_stale() {
    let copied = TINY.copy();
    copied.edit(|manifest| manifest["cells"][0]["subject"]["image_sha256"] = json!("00"));
    copied.edit(|manifest| manifest["cells"][1]["subject"]["width"] = json!(32));
    let stale = copied.check().unwrap();
    assert_eq!(
        (verdicts(&stale), stale.exit_code()),
        (vec![Verdict::Stale; 2], 11)
    );
    assert_eq!(stale.cells[0].causes, [Cause::Parameters("input image")]);
    assert_eq!(stale.cells[1].causes, [Cause::Parameters("size")]);

    let copied = TINY.copy();
    copied.edit(|manifest| manifest["cells"][0]["accepted"][0]["model_sha256"] = json!("00"));
    let same = copied.check().unwrap();
    assert_eq!(verdicts(&same), [Verdict::Same; 2]);
    assert_eq!(same.causes(), [(Cause::Model, 1)]);
    let worse = copied.with_images(swapped);
    assert_eq!(verdicts(&worse), [Verdict::Stale, Verdict::Regression]);
    assert_eq!(
        worse.cells[1].explanation(),
        "nothing known changed since the baseline"
    );
}

#[test]
fn another_device_has_wider_tolerances_and_a_baseline_of_its_own() {
    let copied = TINY.copy();
    copied.edit(|manifest| {
        for cell in manifest["cells"].as_array_mut().unwrap() {
            cell["accepted"][0]["class"]["device"] = json!("another");
        }
    });
    let brighter = |_: usize, mut image: RgbImage| {
        let pixels = image.enumerate_pixels_mut();
        let some = pixels.filter(|(x, y, _)| x / 8 % 2 == y / 8 % 2);
        some.for_each(|(_, _, Rgb([red, _, _]))| *red = red.saturating_add(1));
        image
    };
    let check = copied.with_images(brighter);
    println!("{}", line("half of red brighter by 1", &check));
    assert_eq!(verdicts(&check), [Verdict::Drift; 2]);
    assert_eq!(check.exit_code(), 0);
    assert!(matches!(check.causes()[..], [(Cause::Device(..), 2)]));
    assert_eq!(
        accept(&copied.run(), &copied.place(), &[]),
        [ChangeKind::AddClass; 2]
    );
    assert_eq!(verdicts(&copied.check().unwrap()), [Verdict::Same; 2]);
    assert_eq!(
        fs::read_dir(copied.place().join("cells")).unwrap().count(),
        4
    );

    // Equal pixels of two classes are one file.
    let copied = TINY.copy();
    copied.edit(|manifest| {
        for cell in manifest["cells"].as_array_mut().unwrap() {
            cell["accepted"][0]["class"]["onnxruntime"] = json!("1.31");
        }
    });
    assert_eq!(
        accept(&copied.run(), &copied.place(), &[]),
        [ChangeKind::AddClass; 2]
    );
    assert_eq!(
        fs::read_dir(copied.place().join("cells")).unwrap().count(),
        2
    );
}

#[test]
fn shards_judge_their_own_cells() {
    let copied = TINY.copy();
    copied.with_images(swapped);
    let baseline = Baseline::read(&copied.place()).unwrap();
    let of = |shard: &str| {
        Check::new(
            &copied.run(),
            &baseline,
            CheckSpec::default(),
            shard.parse().unwrap(),
        )
        .unwrap()
    };
    let whole = of("1/1");
    let parts = [of("1/2"), of("2/2")];
    assert_eq!(
        [parts[0].cells.clone(), parts[1].cells.clone()].concat(),
        whole.cells
    );
    assert_eq!(of("3/3").cells, []);
}

#[test]
fn a_broken_baseline_is_an_error_and_stays_as_it_is() {
    let message = |edit: &dyn Fn(&Copied)| {
        let copied = TINY.copy();
        edit(&copied);
        let before = fs::read(copied.place().join(MANIFEST)).unwrap();
        let error = copied.check().unwrap_err();
        assert_eq!(fs::read(copied.place().join(MANIFEST)).unwrap(), before);
        assert!(error.help().is_some());
        let place = copied.place().display().to_string();
        error.to_string().replace(&place, "B")
    };
    let edited = |edit: fn(&mut Value)| message(&move |copied| copied.edit(edit));
    assert_eq!(
        message(&|copied| fs::write(copied.place().join(MANIFEST), "{\"format\": 1,").unwrap()),
        "B/manifest.json cannot be understood: EOF while parsing a value at line 1 column 13"
    );
    assert_eq!(
        edited(|manifest| manifest["format"] = json!(2)),
        "B/manifest.json has format 2, this program reads up to 1"
    );
    assert_eq!(
        edited(|manifest| manifest["format"] = json!("x")),
        "B/manifest.json cannot be understood: it has no format number"
    );
    assert_eq!(
        edited(|manifest| manifest["cells"][1] = manifest["cells"][0].clone()),
        "B/manifest.json cannot be understood: cell 2 is there twice"
    );
    assert_eq!(
        edited(|manifest| manifest["cells"][0]["accepted"][0]["file"] = json!("cells/../../x.png")),
        "B/manifest.json cannot be understood: \"cells/../../x.png\" is no image of a baseline"
    );
    let unknown = edited(|manifest| manifest["cells"][0]["colour"] = json!(1));
    assert!(
        unknown.starts_with("B/manifest.json cannot be understood: unknown field `colour`"),
        "{unknown}"
    );
    let digest =
        edited(|manifest| manifest["cells"][0]["accepted"][0]["pixels_sha256"] = json!("00"));
    assert!(
        digest.ends_with("is not the one that was accepted: its 64x64 pixels have another digest"),
        "{digest}"
    );
    let small = message(&|copied| {
        for entry in fs::read_dir(copied.place().join("cells")).unwrap() {
            RgbImage::new(5, 4).save(entry.unwrap().path()).unwrap();
        }
    });
    assert!(
        small.ends_with("its 5x4 pixels have another digest"),
        "{small}"
    );
    let gone = message(&|copied| fs::remove_dir_all(copied.place().join("cells")).unwrap());
    assert!(
        gone.starts_with("baseline image B/cells/make_it_winter-"),
        "{gone}"
    );
}

#[test]
fn a_baseline_that_cannot_be_written_stays_as_it_is() {
    let copied = TINY.copy();
    copied.with_images(swapped);
    // A file where the folder of images should be: the same for every user, root included.
    let place = copied.folder.path().join("blocked");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("cells"), "").unwrap();
    let mut baseline = Baseline::read(&place).unwrap();
    let acceptance = Acceptance::new(&copied.run(), &baseline, &[], None).unwrap();
    let error = acceptance.apply(&mut baseline).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot write the baseline: "),
        "{error}"
    );
    assert!(baseline.is_empty());
    assert!(!place.join(MANIFEST).exists());

    let unknown = Acceptance::new(
        &copied.run(),
        &baseline,
        &["make_it_nigth".to_owned()],
        None,
    )
    .unwrap_err();
    assert!(
        unknown
            .help()
            .unwrap()
            .to_string()
            .contains("did you mean make_it_night-"),
        "{unknown}"
    );
}

#[test]
fn reports_say_what_is_wrong_and_stay_within_their_limits() {
    let copied = TINY.copy();
    let check = copied.with_images(swapped);
    let xml = junit(&check);
    assert!(
        xml.contains("tests=\"2\" skipped=\"0\" failures=\"2\""),
        "{xml}"
    );
    assert!(xml.contains("type=\"regression\""), "{xml}");

    let text = summary(&check, 1 << 20);
    assert!(text.contains("**failed**: 2 regression"), "{text}");
    assert!(text.contains("would have passed"), "{text}");
    let mut many = check.clone();
    many.cells = vec![check.cells[0].clone(); 9000];
    let long = summary(&many, 1 << 20);
    assert!(
        long.len() <= 1 << 20 && long.contains("more cells are left out here"),
        "{}",
        long.len()
    );

    let lines = annotations(&many);
    assert_eq!(lines.len(), 10);
    assert!(
        lines[0].starts_with("::error title=regression%3A make_it_winter-"),
        "{}",
        lines[0]
    );
    assert!(lines.iter().all(|line| !line.contains('\n')));

    let step = copied.folder.path().join("step.md");
    fs::write(&step, "# before\n").unwrap();
    let reports = write_reports(&check, &copied.run().folder, Some(&step)).unwrap();
    assert!(
        fs::read_to_string(&step)
            .unwrap()
            .starts_with("# before\n## ip2p check snap")
    );
    let sheet = image::open(reports.sheet.unwrap()).unwrap().into_rgb8();
    assert!(sheet.height() > 2 * 320, "{:?}", sheet.dimensions());
}

#[test]
fn the_first_latents_are_kept_with_every_cell() {
    let copied = TINY.copy();
    let run = copied.run();
    for cell in &run.plan.cells {
        let latents = &run.records[&cell.key].first_latents;
        assert_eq!(latents.len(), 2);
        assert_eq!(latents[0].mean.len(), 4);
        assert_eq!(latent_change(latents, latents), Some(0.0));
    }
}

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
            .arg("--onnxruntime")
            .arg(&library)
            .args(arguments)
            .current_dir(folder.path());
        for name in ["CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
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

    let (code, text) = ip2p(&["accept", "results/snap", "--yes"], Some("true"));
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("error: baselines are not accepted where CI is set\nhint: "),
        "{text}"
    );
    let (code, text) = ip2p(&["accept", "results/snap"], None);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("add ") && text.contains("error: nobody is there to be asked"),
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
