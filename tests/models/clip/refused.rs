//! CLIP folders that cannot be used.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use ip2p_sweep::model::ModelError;
use ip2p_sweep::model::clip::{ClipFolder, ClipModel};
use ip2p_sweep::onnxruntime::ExecutionDevice;
use miette::Diagnostic;
use serde_json::Value;

use crate::common::{self, golden};

/// The message and remedy for opening a damaged copy of the golden folder.
fn refusal(damage: impl Fn(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    common::copy_folder(&golden().join("clip/model"), folder.path());
    damage(folder.path());
    let error = ClipFolder::open(folder.path()).unwrap_err();
    let help = error.help().unwrap();
    format!("{error}\n{help}").replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn what_is_missing_or_of_another_kind_is_named_with_the_remedy() {
    let remedy = "give a folder that `ip2p export --clip` has written, or export the model again";
    for missing in [
        "preprocessor_config.json",
        "text_encoder/config.json",
        "image_encoder/model.onnx",
    ] {
        let told = refusal(|folder| fs::remove_file(folder.join(missing)).unwrap());
        assert_eq!(told, format!("{missing} is missing\n{remedy}"));
    }
    let swapped = refusal(|folder| {
        fs::copy(
            folder.join("text_encoder/model.onnx"),
            folder.join("image_encoder/model.onnx"),
        )
        .unwrap();
    });
    assert_eq!(
        swapped,
        format!(
            "image_encoder/model.onnx: \"input_ids\" is int64, not float32 or float16\n{remedy}"
        )
    );
    let other = golden().join("tiny_eps/text_encoder/model.onnx");
    let of_diffusion = refusal(|folder| {
        fs::copy(&other, folder.join("text_encoder/model.onnx")).unwrap();
    });
    assert!(
        of_diffusion.starts_with("text_encoder/model.onnx: "),
        "{of_diffusion}"
    );
    assert!(of_diffusion.ends_with(remedy), "{of_diffusion}");
}

#[test]
fn preprocessing_that_is_not_done_here_is_refused() {
    let with = |change: &str| {
        refusal(|folder| {
            let file = folder.join("preprocessor_config.json");
            let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let change: Value = serde_json::from_str(change).unwrap();
            for (key, value) in change.as_object().unwrap() {
                config[key] = value.clone();
            }
            fs::write(&file, config.to_string()).unwrap();
        })
    };
    for (change, told) in [
        (r#"{"do_resize": false}"#, "do_resize must be true"),
        (
            r#"{"do_normalize": 1}"#,
            "do_normalize must be true or false",
        ),
        (
            r#"{"resample": 0}"#,
            "resample must be 1 (Lanczos), 2 (bilinear) or 3 (bicubic)",
        ),
        (
            r#"{"image_std": [0.2, 0.0, 0.2]}"#,
            "image_std must not be 0",
        ),
        (
            r#"{"image_mean": 0.5}"#,
            "image_mean must be a list of three numbers",
        ),
        (
            r#"{"image_mean": [0.5, 1e39, 0.5]}"#,
            "image_mean must be a list of three numbers",
        ),
        (r#"{"rescale_factor": 1e37}"#, "rescale_factor is too large"),
        (r#"{"size": 16}"#, "crop_size is larger than size"),
        (
            r#"{"size": {"height": 16}}"#,
            "size must be a whole number from 1 to 65536",
        ),
        (
            r#"{"do_center_crop": false}"#,
            "do_center_crop must be true with one side under size",
        ),
    ] {
        let found = with(change);
        let first = found.lines().next().unwrap();
        assert_eq!(
            first,
            format!("preprocessor_config.json: {told}"),
            "{change}"
        );
    }
    // The image encoder was exported for another size.
    let found = with(r#"{"crop_size": 24}"#);
    assert_eq!(
        found.lines().next().unwrap(),
        "image_encoder/model.onnx: \"pixel_values\" has 32 rows where the configuration says 24"
    );
}

#[cfg(unix)]
#[test]
fn an_encoder_that_is_another_file_when_it_is_loaded_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    common::copy_folder(&golden().join("clip/model"), folder.path());
    let clip = || Arc::new(ClipFolder::open(folder.path()).unwrap());
    let (runtime, device) = (common::runtime(), ExecutionDevice::Cpu);
    let mut model = ClipModel::new(clip(), runtime.clone(), device, 1, None).unwrap();
    model.embed_text("a house in winter").unwrap();
    // Of the same size and time, as when a link is turned to another model.
    let path = folder.path().join("image_encoder/model.onnx");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let other = folder.path().join("other");
    fs::copy(&path, &other).unwrap();
    let opened = fs::File::options().write(true).open(&other).unwrap();
    opened.set_modified(modified).unwrap();
    fs::rename(&other, &path).unwrap();
    let error = model.embed_image(&RgbImage::new(64, 64)).unwrap_err();
    assert!(
        matches!(&error, ModelError::Changed { path: changed } if *changed == path),
        "{error}"
    );
    // The tokenizer is read when a model is made.
    let opened = clip();
    fs::write(
        folder.path().join("tokenizer/merges.txt"),
        "#version: 0.2\n",
    )
    .unwrap();
    let error = ClipModel::new(opened, runtime, device, 1, None).unwrap_err();
    assert!(matches!(error, ModelError::Changed { .. }), "{error}");
}
