//! Valid and invalid graphs, made up port by port.

use ElementType::{Float16, Float32, Int32, Int64};

use super::*;

fn port(name: &str, element: ElementType, shape: &[Option<u64>]) -> Port {
    Port {
        name: name.to_owned(),
        element,
        shape: shape.to_vec(),
    }
}

fn facts(inputs: Vec<Port>, outputs: Vec<Port>) -> (PathBuf, OnnxFile) {
    let facts = OnnxFile {
        inputs,
        outputs,
        ..OnnxFile::default()
    };
    (PathBuf::from("model.onnx"), facts)
}

fn image(name: &str, channels: Option<u64>) -> Port {
    port(name, Float32, &[None, channels, None, None])
}

fn ports() -> Ports {
    let hidden = [None, None, Some(768)];
    Ports {
        text_encoder: facts(
            vec![port("input_ids", Int64, &[None, Some(77)])],
            vec![
                port("pooler_output", Float32, &[None, Some(768)]),
                port("last_hidden_state", Float32, &hidden),
            ],
        ),
        vae_encoder: facts(
            vec![image("sample", Some(3))],
            vec![image("latent_parameters", Some(8))],
        ),
        unet: facts(
            vec![
                image("sample", Some(8)),
                port("timestep", Int64, &[None]),
                port("encoder_hidden_states", Float32, &hidden),
            ],
            vec![image("out_sample", Some(4))],
        ),
        vae_decoder: facts(
            vec![image("latent_sample", Some(4))],
            vec![image("sample", Some(3))],
        ),
    }
}

fn check(ports: &Ports) -> Result<(Graphs, Vec<String>), ModelError> {
    let unet = UnetConfig {
        in_channels: 8,
        out_channels: 4,
        levels: 4,
        width: 320,
        sample_size: 64,
        text_width: 768,
        heads: vec![Some(8); 4],
    };
    let vae = VaeConfig {
        factor: 8,
        scaling_factor: 0.18215,
        latent_channels: 4,
        widths: vec![128, 256, 512, 512],
        attends: true,
    };
    Graphs::check(ports, &unet, &vae, 77)
}

fn refusal(ports: &Ports) -> String {
    check(ports).unwrap_err().to_string()
}

#[test]
fn inputs_are_taken_by_name_and_type() {
    let mut ports = ports();
    ports.unet.1.inputs.reverse();
    ports.text_encoder.1.inputs[0].element = Int32;
    for port in &mut ports.unet.1.inputs {
        port.element = Float16;
    }
    let (graphs, warnings) = check(&ports).unwrap();
    assert_eq!(graphs.text_encoder.input.element, Int32);
    assert_eq!(graphs.text_encoder.output, "last_hidden_state");
    assert_eq!(graphs.unet.timestep.element, Float16);
    assert_eq!(graphs.unet.timestep_shape, TimestepShape::Rows);
    assert!(!graphs.unet.single_row);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn a_timestep_may_be_a_number_one_or_one_a_row() {
    for (shape, expected) in [
        (vec![], TimestepShape::Scalar),
        (vec![Some(1)], TimestepShape::One),
        (vec![None], TimestepShape::Rows),
    ] {
        let mut ports = ports();
        ports.unet.1.inputs[1].shape = shape;
        assert_eq!(check(&ports).unwrap().0.unet.timestep_shape, expected);
    }
    let mut ports = ports();
    ports.unet.1.inputs[1].shape = vec![None, None];
    assert!(refusal(&ports).ends_with("\"timestep\" is neither a number nor a list"));
}

#[test]
fn an_input_that_nobody_can_feed_is_named() {
    let mut ports = ports();
    let inputs = &mut ports.unet.1.inputs;
    inputs.push(port("timestep_cond", Float32, &[None, Some(256)]));
    assert_eq!(
        refusal(&ports),
        "model.onnx: its input \"timestep_cond\" is not one that InstructPix2Pix has"
    );
}

#[test]
fn graphs_that_contradict_the_configurations_are_refused() {
    let mut channels = ports();
    channels.unet.1.inputs[0].shape[1] = Some(4);
    assert_eq!(
        refusal(&channels),
        "model.onnx: \"sample\" has 4 channels where the configuration says 8"
    );
    let mut width = ports();
    width.unet.1.inputs[2].shape[2] = Some(1024);
    assert_eq!(
        refusal(&width),
        "model.onnx: \"encoder_hidden_states\" has 1024 channels where the configuration says 768"
    );
    let mut fixed = ports();
    fixed.vae_encoder.1.inputs[0].shape[2] = Some(512);
    assert_eq!(
        refusal(&fixed),
        "model.onnx: \"sample\" takes one image size only; export it without fixed shapes"
    );
    let mut double = ports();
    double.vae_decoder.1.inputs[0].element = ElementType::Other(11);
    assert_eq!(
        refusal(&double),
        "model.onnx: \"latent_sample\" is float64, not float32 or float16"
    );
}

#[test]
fn one_row_at_a_time_is_served_but_another_fixed_number_is_not() {
    let mut ports = ports();
    ports.unet.1.inputs[0].shape[0] = Some(1);
    assert!(check(&ports).unwrap().0.unet.single_row);
    ports.unet.1.inputs[0].shape[0] = Some(3);
    assert!(refusal(&ports).ends_with("it takes 3 rows at a time, not any number"));
}

#[test]
fn sampling_that_is_baked_in_is_warned_of() {
    let mut ports = ports();
    ports.vae_encoder.1.random = true;
    let (_, warnings) = check(&ports).unwrap();
    assert!(warnings[0].contains("draws random numbers"), "{warnings:?}");
}
