//! The inputs and outputs of each graph, by name and type, checked against the configurations.

mod clip;

use std::path::{Path, PathBuf};

pub(super) use clip::ClipCalls;

use super::config::{UnetConfig, VaeConfig};
use super::onnx_file::{OnnxFile, Port};
use super::{ElementType, ModelError};

/// The facts of the four ONNX files.
pub(super) struct Ports {
    pub text_encoder: (PathBuf, OnnxFile),
    pub vae_encoder: (PathBuf, OnnxFile),
    pub unet: (PathBuf, OnnxFile),
    pub vae_decoder: (PathBuf, OnnxFile),
}

/// How to call the four graphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Graphs {
    pub text_encoder: Call,
    pub vae_encoder: Call,
    pub unet: UnetCall,
    pub vae_decoder: Call,
}

/// A graph with one input, and the output to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub input: Feed,
    pub output: String,
}

/// How to call the UNet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnetCall {
    pub sample: Feed,
    pub timestep: Feed,
    pub timestep_shape: TimestepShape,
    pub text: Feed,
    pub output: String,
    /// Whether it takes only one row at a time.
    pub single_row: bool,
    /// Whether its attention holds all scores of a row at once.
    pub holds_scores: bool,
}

/// An input's name and element type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Feed {
    pub name: String,
    pub element: ElementType,
}

/// The shape of the timestep that a UNet takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimestepShape {
    Scalar,
    /// A vector of one element.
    One,
    /// A vector with one element for each row.
    Rows,
}

impl Graphs {
    /// Checks the graphs against the configurations; also returns warnings.
    pub fn check(
        ports: &Ports,
        unet: &UnetConfig,
        vae: &VaeConfig,
        context_length: usize,
    ) -> Result<(Self, Vec<String>), ModelError> {
        let graphs = Self {
            text_encoder: text_encoder(&Graph::of(&ports.text_encoder), unet, context_length)?,
            vae_encoder: vae_encoder(&Graph::of(&ports.vae_encoder))?,
            unet: unet_call(&Graph::of(&ports.unet), unet, vae)?,
            vae_decoder: vae_decoder(&Graph::of(&ports.vae_decoder), vae)?,
        };
        let random = [&ports.vae_encoder, &ports.unet, &ports.vae_decoder];
        let warnings = random
            .into_iter()
            .filter(|(_, facts)| facts.random)
            .map(|(path, _)| {
                format!(
                    "{} draws random numbers, so that images differ from run to run: export it with `latent_parameters` as output",
                    path.display()
                )
            })
            .collect();
        Ok((graphs, warnings))
    }
}

/// A graph being checked.
struct Graph<'a> {
    path: &'a Path,
    facts: &'a OnnxFile,
}

const FLOATS: &[ElementType] = &[ElementType::Float32, ElementType::Float16];
const INTEGERS: &[ElementType] = &[ElementType::Int64, ElementType::Int32];
const TIMES: &[ElementType] = &[
    ElementType::Float32,
    ElementType::Float16,
    ElementType::Int64,
];

impl<'a> Graph<'a> {
    fn of((path, facts): &'a (PathBuf, OnnxFile)) -> Self {
        Self { path, facts }
    }

    fn wrong(&self, problem: String) -> ModelError {
        ModelError::Graph {
            path: self.path.to_owned(),
            problem,
        }
    }

    fn input(&self, name: &str) -> Result<&'a Port, ModelError> {
        find(&self.facts.inputs, name).ok_or_else(|| {
            self.wrong(format!(
                "it has no input {name:?}, but {}",
                names(&self.facts.inputs)
            ))
        })
    }

    /// The only input, whatever its name.
    fn only_input(&self) -> Result<&'a Port, ModelError> {
        match self.facts.inputs.as_slice() {
            [input] => Ok(input),
            inputs => Err(self.wrong(format!("it takes {}, not one input", names(inputs)))),
        }
    }

    /// The first output in `preferred` that exists, or otherwise the graph's first output.
    fn output(&self, preferred: &[&str]) -> Result<&'a Port, ModelError> {
        let outputs = &self.facts.outputs;
        let output = preferred
            .iter()
            .find_map(|name| find(outputs, name))
            .or(outputs.first())
            .ok_or_else(|| self.wrong("it has no output".to_owned()))?;
        self.element(output, FLOATS)?;
        Ok(output)
    }

    /// The output with this name.
    fn named_output(&self, name: &str) -> Result<&'a Port, ModelError> {
        find(&self.facts.outputs, name).ok_or_else(|| {
            let given = names(&self.facts.outputs);
            self.wrong(format!("it has no output {name:?}, but {given}"))
        })
    }

    fn element(&self, port: &Port, allowed: &[ElementType]) -> Result<(), ModelError> {
        if allowed.contains(&port.element) {
            return Ok(());
        }
        let allowed: Vec<_> = allowed.iter().map(ElementType::to_string).collect();
        Err(self.wrong(format!(
            "{:?} is {}, not {}",
            port.name,
            port.element,
            allowed.join(" or ")
        )))
    }

    fn feed(&self, port: &Port, allowed: &[ElementType], axes: usize) -> Result<Feed, ModelError> {
        self.element(port, allowed)?;
        self.axes(port, axes)?;
        Ok(Feed {
            name: port.name.clone(),
            element: port.element,
        })
    }

    fn axes(&self, port: &Port, axes: usize) -> Result<(), ModelError> {
        if port.shape.len() == axes {
            return Ok(());
        }
        let given = port.shape.len();
        Err(self.wrong(format!("{:?} has {given} axes, not {axes}", port.name)))
    }

    /// Checks the size of an axis, unless the graph leaves it open.
    fn size(&self, port: &Port, axis: usize, size: usize, of: &str) -> Result<(), ModelError> {
        match port.shape.get(axis).copied().flatten() {
            Some(given) if given != size as u64 => Err(self.wrong(format!(
                "{:?} has {given} {of} where the configuration says {size}",
                port.name
            ))),
            _ => Ok(()),
        }
    }

    /// Images come in any size: the axes for height and width must be open.
    fn any_size(&self, port: &Port) -> Result<(), ModelError> {
        match port.shape[2..] {
            [None, None] => Ok(()),
            _ => Err(self.wrong(format!(
                "{:?} takes one image size only; export it without fixed shapes",
                port.name
            ))),
        }
    }
}

fn find<'a>(ports: &'a [Port], name: &str) -> Option<&'a Port> {
    ports.iter().find(|port| port.name == name)
}

fn names(ports: &[Port]) -> String {
    let names: Vec<_> = ports.iter().map(|port| port.name.as_str()).collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

fn text_encoder(
    graph: &Graph,
    unet: &UnetConfig,
    context_length: usize,
) -> Result<Call, ModelError> {
    let input = graph.only_input()?;
    let feed = graph.feed(input, INTEGERS, 2)?;
    graph.size(input, 1, context_length, "tokens")?;
    let output = graph.output(&["last_hidden_state"])?;
    graph.axes(output, 3)?;
    graph.size(output, 2, unet.text_width, "channels")?;
    Ok(Call {
        input: feed,
        output: output.name.clone(),
    })
}

fn vae_encoder(graph: &Graph) -> Result<Call, ModelError> {
    let input = graph.only_input()?;
    let feed = graph.feed(input, FLOATS, 4)?;
    graph.size(input, 1, 3, "channels")?;
    graph.any_size(input)?;
    let output = graph.output(&["latent_parameters", "latent_sample"])?;
    Ok(Call {
        input: feed,
        output: output.name.clone(),
    })
}

fn vae_decoder(graph: &Graph, vae: &VaeConfig) -> Result<Call, ModelError> {
    let input = graph.only_input()?;
    let feed = graph.feed(input, FLOATS, 4)?;
    graph.size(input, 1, vae.latent_channels, "channels")?;
    graph.any_size(input)?;
    let output = graph.output(&["sample"])?;
    Ok(Call {
        input: feed,
        output: output.name.clone(),
    })
}

fn unet_call(graph: &Graph, unet: &UnetConfig, vae: &VaeConfig) -> Result<UnetCall, ModelError> {
    const NAMES: [&str; 3] = ["sample", "timestep", "encoder_hidden_states"];
    let [sample, timestep, text] = NAMES.map(|name| graph.input(name));
    let (sample, timestep, text) = (sample?, timestep?, text?);
    let extra: Vec<_> = graph.facts.inputs.iter().map(|port| &port.name).collect();
    if let Some(extra) = extra
        .into_iter()
        .find(|name| !NAMES.contains(&name.as_str()))
    {
        return Err(graph.wrong(format!(
            "its input {extra:?} is not one that InstructPix2Pix has"
        )));
    }
    let timestep_shape = match timestep.shape.as_slice() {
        [] => TimestepShape::Scalar,
        [Some(1)] => TimestepShape::One,
        [None] => TimestepShape::Rows,
        _ => return Err(graph.wrong("\"timestep\" is neither a number nor a list".to_owned())),
    };
    let single_row = match sample.shape.first().copied().flatten() {
        None => false,
        Some(1) => true,
        Some(rows) => {
            return Err(graph.wrong(format!("it takes {rows} rows at a time, not any number")));
        }
    };
    let call = UnetCall {
        sample: graph.feed(sample, FLOATS, 4)?,
        timestep: graph.feed(timestep, TIMES, timestep.shape.len())?,
        timestep_shape,
        text: graph.feed(text, FLOATS, 3)?,
        output: graph.output(&["out_sample"])?.name.clone(),
        single_row,
        holds_scores: graph.facts.softmax,
    };
    graph.any_size(sample)?;
    graph.size(sample, 1, unet.in_channels, "channels")?;
    graph.size(text, 2, unet.text_width, "channels")?;
    if unet.out_channels != vae.latent_channels {
        return Err(graph.wrong(format!(
            "it predicts {} channels, but the VAE has {}",
            unet.out_channels, vae.latent_channels
        )));
    }
    Ok(call)
}

#[cfg(test)]
mod tests;
