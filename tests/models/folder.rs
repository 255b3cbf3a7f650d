//! Model folders: what is read from a valid one, and what is reported for each kind of invalid one.

use crate::common;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ip2p_sweep::engine::{Component, Denoiser};
use ip2p_sweep::model::{KnownDigests, ModelError, ModelFolder, OnnxModel};
use ip2p_sweep::onnxruntime::ExecutionDevice;
use miette::Diagnostic;
use tempfile::TempDir;

/// A copy of a golden model that a test may damage.
fn copy(model: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    common::copy_folder(&common::golden().join(model), folder.path());
    folder
}

fn replace(path: PathBuf, from: &str, to: &str) {
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// The error of opening a folder, which must have a remedy; paths in it are relative to the folder.
fn refusal(folder: &Path) -> String {
    let error = ModelFolder::open(folder).unwrap_err();
    assert!(error.help().is_some(), "{error} has no remedy");
    error
        .to_string()
        .replace(&format!("{}/", folder.display()), "")
        .replace(&folder.display().to_string(), "MODEL")
}

#[test]
fn a_unet_whose_file_says_so_takes_multiples_of_the_vae_factor() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx/demo");
    let demo = ModelFolder::open(demo).unwrap();
    assert_eq!(demo.accepted_multiple(), demo.vae_factor());
    assert!(demo.size_multiple() > demo.vae_factor());
    // Optimum's graphs do not say, so that the levels count.
    let baked = ModelFolder::open(common::golden().join("tiny_v")).unwrap();
    assert_eq!(baked.accepted_multiple(), baked.size_multiple());
}

#[test]
fn facts_are_read_from_configurations_and_graphs() {
    let open = |name| ModelFolder::open(common::golden().join(name)).unwrap();
    let eps = open("tiny_eps");
    assert_eq!(
        (eps.vae_factor(), eps.size_multiple(), eps.resolution()),
        (4, 8, 64)
    );
    assert_eq!((eps.scaling_factor(), eps.latent_channels()), (0.18215, 4));
    assert_eq!((eps.context_length(), eps.precision()), (77, "fp32"));
    assert!(
        eps.scheduler_config()
            .contains("EulerAncestralDiscreteScheduler")
    );
    let bytes = fs::metadata(common::golden().join("tiny_eps/unet/model.onnx"))
        .unwrap()
        .len();
    assert_eq!(eps.component_bytes(Component::Unet), bytes);
    let v = open("tiny_v");
    assert_eq!(
        (v.vae_factor(), v.size_multiple(), v.resolution()),
        (8, 32, 96)
    );
    assert_eq!((v.scaling_factor(), v.context_length()), (0.3, 24));
    // The output of its encoder is named latent_sample, but nothing is sampled.
    assert!(eps.warnings().is_empty() && v.warnings().is_empty());
}

#[test]
fn the_digest_is_the_same_for_a_copy_and_changes_with_any_file() {
    let digest = |folder: &Path| {
        ModelFolder::open(folder)
            .unwrap()
            .digest(&KnownDigests::default())
            .unwrap()
    };
    let original = digest(&common::golden().join("tiny_eps"));
    let folder = copy("tiny_eps");
    assert_eq!(digest(folder.path()), original);
    fs::write(folder.path().join("README.md"), "beside the point").unwrap();
    assert_eq!(digest(folder.path()), original);
    for (file, from, to) in [
        ("scheduler/scheduler_config.json", "1000", "1001"),
        ("tokenizer/merges.txt", "t h", "h t"),
        ("vae_decoder/config.json", "silu", "relu"),
    ] {
        let folder = copy("tiny_eps");
        replace(folder.path().join(file), from, to);
        assert_ne!(digest(folder.path()), original, "{file}");
    }
}

#[test]
fn a_folder_that_is_not_there_or_is_a_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        refusal(&folder.path().join("nowhere")),
        "model folder MODEL does not exist"
    );
    let file = folder.path().join("model.onnx");
    fs::write(&file, "").unwrap();
    assert_eq!(refusal(&file), "MODEL is not a folder");
}

#[test]
fn each_missing_part_is_named() {
    for part in [
        "unet/config.json",
        "unet/model.onnx",
        "vae_encoder/model.onnx",
        "vae_decoder/config.json",
        "text_encoder/model.onnx",
        "scheduler/scheduler_config.json",
    ] {
        let folder = copy("tiny_eps");
        fs::remove_file(folder.path().join(part)).unwrap();
        assert_eq!(refusal(folder.path()), format!("{part} is missing"));
    }
    let folder = copy("tiny_eps");
    fs::remove_file(folder.path().join("tokenizer/merges.txt")).unwrap();
    assert_eq!(
        refusal(folder.path()),
        "tokenizer holds neither tokenizer.json nor vocab.json with merges.txt"
    );
}

#[test]
fn empty_files_and_lfs_pointers_are_told_apart() {
    let folder = copy("tiny_eps");
    let unet = folder.path().join("unet/model.onnx");
    fs::write(&unet, "").unwrap();
    assert_eq!(refusal(folder.path()), "unet/model.onnx is empty");
    fs::write(
        &unet,
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    )
    .unwrap();
    assert_eq!(
        refusal(folder.path()),
        "unet/model.onnx is a Git LFS pointer, not the file itself"
    );
}

#[test]
fn broken_configurations_are_named_with_the_key() {
    for (from, to, message) in [
        (
            "\"in_channels\": 8",
            "\"in_channels\": \"8\"",
            "unet/config.json: in_channels must be a whole number from 1 to 65536",
        ),
        (
            "\"in_channels\": 8",
            "\"other\": 8",
            "unet/config.json: in_channels is missing",
        ),
        (
            "\"sample_size\": 16",
            "\"sample_size\": 0",
            "unet/config.json: sample_size must be a whole number from 1 to 65536",
        ),
        (
            "\"in_channels\": 8",
            "\"in_channels\": 7",
            "MODEL has a UNet with 7 input channels, not 4 (text-to-image), 8 (InstructPix2Pix) or 9 (inpainting)",
        ),
    ] {
        let folder = copy("tiny_eps");
        replace(folder.path().join("unet/config.json"), from, to);
        assert_eq!(refusal(folder.path()), message);
    }
    let folder = copy("tiny_eps");
    fs::write(folder.path().join("unet/config.json"), "{").unwrap();
    assert!(refusal(folder.path()).starts_with("unet/config.json is not valid JSON: "));
}

#[test]
fn parts_of_different_models_do_not_go_together() {
    let folder = copy("tiny_eps");
    replace(
        folder.path().join("vae_decoder/config.json"),
        "0.18215",
        "0.13025",
    );
    assert_eq!(
        refusal(folder.path()),
        "vae_encoder/config.json and vae_decoder/config.json differ in scaling_factor"
    );
    let folder = copy("tiny_eps");
    let other = common::golden().join("tiny_v/text_encoder");
    common::copy_folder(&other, &folder.path().join("text_encoder"));
    let message = refusal(folder.path());
    assert!(
        message.starts_with("text_encoder/model.onnx: "),
        "{message}"
    );
    let folder = copy("tiny_eps");
    fs::copy(
        folder.path().join("vae_decoder/model.onnx"),
        folder.path().join("unet/model.onnx"),
    )
    .unwrap();
    let message = refusal(folder.path());
    assert!(
        message.starts_with("unet/model.onnx: it has no input \"sample\", but "),
        "{message}"
    );
}

#[test]
fn a_scaling_factor_that_is_nothing_in_float32_is_refused() {
    for written in ["0", "-0.2", "1e-60", "1e60"] {
        let folder = copy("tiny_eps");
        replace(
            folder.path().join("vae_encoder/config.json"),
            "0.18215",
            written,
        );
        assert_eq!(
            refusal(folder.path()),
            "vae_encoder/config.json: scaling_factor must be above 0, as float32",
            "{written}"
        );
    }
}

#[test]
fn a_missing_scaling_factor_is_that_of_diffusers() {
    let folder = copy("tiny_eps");
    for part in ["vae_encoder", "vae_decoder"] {
        replace(
            folder.path().join(part).join("config.json"),
            "\"scaling_factor\"",
            "\"unscaled\"",
        );
    }
    let model = ModelFolder::open(folder.path()).unwrap();
    assert_eq!(model.scaling_factor(), 0.18215);
}

#[test]
fn a_damaged_graph_is_an_error_wherever_it_is_cut() {
    let folder = copy("tiny_eps");
    let path = folder.path().join("text_encoder/model.onnx");
    let whole = fs::read(&path).unwrap();
    for part in 1..40 {
        fs::write(&path, &whole[..whole.len() * part / 40]).unwrap();
        assert!(
            matches!(
                ModelFolder::open(folder.path()),
                Err(ModelError::Onnx { .. } | ModelError::Graph { .. })
            ),
            "cut after {part} of 40"
        );
    }
    let noise: Vec<u8> = (0..5000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for start in 0..64 {
        fs::write(&path, &noise[start..]).unwrap();
        assert!(ModelFolder::open(folder.path()).is_err());
    }
}

/// A protobuf field that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 128);
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// Adds a weight stored at `location` to the text encoder of a copy, in a second `graph` field, which protobuf merges
/// with the first.
fn add_external(folder: &Path, location: &str) {
    let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
    let graph = field(5, &field(13, &entry));
    let path = folder.join("text_encoder/model.onnx");
    let mut model = fs::read(&path).unwrap();
    model.extend(field(7, &graph));
    fs::write(path, model).unwrap();
}

#[test]
fn external_data_counts_and_must_be_there() {
    let folder = copy("tiny_eps");
    let before = ModelFolder::open(folder.path()).unwrap();
    add_external(folder.path(), "weights.bin");
    assert_eq!(
        refusal(folder.path()),
        "text_encoder/weights.bin is missing"
    );
    let weights = folder.path().join("text_encoder/weights.bin");
    fs::write(&weights, [1; 1000]).unwrap();
    let after = ModelFolder::open(folder.path()).unwrap();
    let bytes = |model: &ModelFolder| model.component_bytes(Component::TextEncoder);
    assert!(bytes(&after) >= bytes(&before) + 1000);
    let digest = after.digest(&KnownDigests::default()).unwrap();
    fs::write(&weights, [2; 1000]).unwrap();
    assert!(
        matches!(after.digest(&KnownDigests::default()), Err(ModelError::Changed { path }) if path == weights)
    );
    let again = ModelFolder::open(folder.path()).unwrap();
    assert_ne!(again.digest(&KnownDigests::default()).unwrap(), digest);
}

#[test]
fn external_data_outside_the_folder_is_refused() {
    for location in [
        "../../secret",
        "/etc/hostname",
        "",
        "a/../../../secret",
        "..\\secret",
    ] {
        let folder = copy("tiny_eps");
        add_external(folder.path(), location);
        assert_eq!(
            refusal(folder.path()),
            format!("text_encoder/model.onnx keeps weights in {location:?}, outside its folder")
        );
    }
}

#[cfg(unix)]
#[test]
fn external_data_behind_a_link_out_of_the_folder_is_refused() {
    let folder = copy("tiny_eps");
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "secret").unwrap();
    add_external(folder.path(), "weights.bin");
    std::os::unix::fs::symlink(
        outside.path(),
        folder.path().join("text_encoder/weights.bin"),
    )
    .unwrap();
    assert!(matches!(
        ModelFolder::open(folder.path()),
        Err(ModelError::ExternalDataOutside { .. })
    ));
}

/// A model as a hub's client stores it: every file is a link into a folder of blobs.
#[cfg(unix)]
fn in_a_hubs_cache(cache: &Path) -> PathBuf {
    let model = copy("tiny_eps");
    add_external(model.path(), "weights.bin");
    fs::write(model.path().join("text_encoder/weights.bin"), [1; 1000]).unwrap();
    let (blobs, snapshot) = (cache.join("blobs"), cache.join("snapshots/abc"));
    fs::create_dir_all(&blobs).unwrap();
    for (number, (file, bytes)) in common::files_of(model.path()).into_iter().enumerate() {
        let blob = blobs.join(format!("{number:040x}"));
        fs::write(&blob, bytes).unwrap();
        let link = snapshot.join(&file);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let up = "../".repeat(file.components().count() + 1);
        let target = format!("{up}blobs/{number:040x}");
        std::os::unix::fs::symlink(target, &link).unwrap();
    }
    snapshot
}

#[cfg(unix)]
#[test]
fn a_model_straight_from_a_hubs_cache_is_taken_and_links_elsewhere_are_not() {
    let cache = tempfile::tempdir().unwrap();
    let snapshot = in_a_hubs_cache(cache.path());
    let model = ModelFolder::open(&snapshot).unwrap();
    assert!(model.component_bytes(Component::TextEncoder) > 1000);
    model.digest(&KnownDigests::default()).unwrap();
    let secret = cache.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let weights = snapshot.join("text_encoder/weights.bin");
    fs::remove_file(&weights).unwrap();
    std::os::unix::fs::symlink(&secret, &weights).unwrap();
    assert!(matches!(
        ModelFolder::open(&snapshot),
        Err(ModelError::ExternalDataOutside { .. })
    ));
}

#[test]
fn files_that_change_between_hashing_and_loading_are_an_error() {
    let folder = copy("tiny_eps");
    let model = Arc::new(ModelFolder::open(folder.path()).unwrap());
    model.digest(&KnownDigests::default()).unwrap();
    let device = ExecutionDevice::Cpu;
    let mut running = OnnxModel::new(Arc::clone(&model), common::runtime(), device, 1).unwrap();
    running.load(Component::Unet).unwrap();
    running.unload(Component::Unet);
    // Another file with the same size and time, as when a link is changed to point to another model.
    let path = folder.path().join("unet/model.onnx");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let other = folder.path().join("other");
    fs::copy(&path, &other).unwrap();
    fs::File::options()
        .write(true)
        .open(&other)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    if cfg!(unix) {
        fs::rename(&other, &path).unwrap();
        let error = running.load(Component::Unet).unwrap_err();
        assert!(
            matches!(&error, ModelError::Changed { path: changed } if *changed == path),
            "{error}"
        );
    }
    if cfg!(unix) {
        // Written in place, and given its old time back.
        let model = Arc::new(ModelFolder::open(folder.path()).unwrap());
        model.digest(&KnownDigests::default()).unwrap();
        let mut running = OnnxModel::new(model, common::runtime(), device, 1).unwrap();
        let bytes = fs::read(&path).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        (&file).write_all(&bytes).unwrap();
        file.set_modified(modified).unwrap();
        let error = running.load(Component::Unet).unwrap_err();
        assert!(matches!(error, ModelError::Changed { .. }), "{error}");
    }
    let model = Arc::new(ModelFolder::open(folder.path()).unwrap());
    let tokens = folder.path().join("tokenizer/merges.txt");
    let text = fs::read_to_string(&tokens).unwrap();
    fs::write(&tokens, text + "\n").unwrap();
    let error = OnnxModel::new(model, common::runtime(), device, 1).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("merges.txt was changed while the sweep ran"),
        "{error}"
    );
}
