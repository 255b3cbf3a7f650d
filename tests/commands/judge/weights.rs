//! Rounded weights of a model are reported differently from changed pixels.

use std::fs;
use std::path::Path;

use ip2p_sweep::judge::{Cause, Verdict};

use super::fixture::{Sweep, accept, check, line};
use crate::common;

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
            // Integers of other types do not look like such numbers.
            if (1e-4..1e4).contains(&float.abs()) {
                value.copy_from_slice(&half::f16::from_f32(float).to_f32().to_le_bytes());
                rounded += 1;
            }
        }
    }
    fs::write(file, bytes).unwrap();
    rounded
}

/// The ranges of all length-delimited fields with this number in a message.
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
        // Both models have the same name, as when a model is exported again.
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
                matches!(cell.verdict, Verdict::Within | Verdict::Regression),
                "{:?}",
                cell.verdict
            );
            assert!(matches!(cell.causes[..], [Cause::Model(..)]));
            let told = cell.causes[0].to_string();
            for component in ["text_encoder", "unet", "vae_decoder", "vae_encoder"] {
                assert!(told.contains(&format!("{component}/model.onnx ")), "{told}");
            }
            assert!(!told.contains("tokenizer"), "{told}");
            assert!(cell.early_warning, "{:?}", cell.latent_change);
        }
    }
}
