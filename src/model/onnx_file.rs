//! Facts about an ONNX file, read from its protobuf without a runtime: inputs, outputs, the types of its weights, where
//! the weights are stored, and whether it draws random numbers.
//!
//! Only the few messages of [onnx.proto](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) that lead to these are
//! parsed; everything else, above all the weights, is skipped unread.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use super::protobuf::{Field, Stream, Wire};
use super::{ElementType, ModelError};

/// The deepest nesting of messages: real models have about ten levels, and garbage must not exhaust the stack.
const DEEPEST: u32 = 64;

/// An input or output of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub element: ElementType,
    /// Its axes; `None` for an axis of open size. A scalar has no axes.
    pub shape: Vec<Option<u64>>,
}

/// The facts of one ONNX file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OnnxFile {
    /// Inputs that must be given; those with a default value in the file are left out.
    pub inputs: Vec<Port>,
    /// Outputs, in order.
    pub outputs: Vec<Port>,
    /// Locations of weights stored outside the file, as written in it.
    pub external: BTreeSet<String>,
    /// Whether it draws random numbers, so that two runs differ.
    pub random: bool,
    /// Whether it contains an explicit softmax, which means that attention is not a single operator.
    pub softmax: bool,
    /// Number of weight elements by type.
    pub weights: BTreeMap<ElementType, u64>,
    /// What the file says both sides of latents must be multiples of.
    pub latent_multiple: Option<u32>,
}

impl OnnxFile {
    /// Reads the facts of the file at `path`.
    ///
    /// # Errors
    /// [`ModelError::Onnx`] if it is not a protobuf with a graph, and read errors.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let file = File::open(path).map_err(|source| ModelError::reading(path, source))?;
        let length = file
            .metadata()
            .map_err(|source| ModelError::reading(path, source))?
            .len();
        let broken = |problem: String| ModelError::Onnx {
            path: path.to_owned(),
            problem,
        };
        Self::parse(file, length).map_err(broken)
    }

    /// Parses the facts from `length` bytes.
    pub fn parse(bytes: impl Read + Seek, length: u64) -> Wire<Self> {
        let facts = Walker::walk(BufReader::new(bytes), length)?;
        match facts.outputs.is_empty() {
            true => Err("it holds no graph".to_owned()),
            false => Ok(facts),
        }
    }

    /// The type of most weights; float32 if there are none.
    pub fn precision(&self) -> ElementType {
        self.weights
            .iter()
            .max_by_key(|(_, elements)| **elements)
            .map_or(ElementType::Float32, |(element, _)| *element)
    }
}

/// The messages that are parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph { main: bool },
    Function,
    Node,
    Attribute,
    SparseTensor,
    Weight,
    Input,
    Output,
}

impl Message {
    /// The message in field `number` of this one, if it is parsed.
    fn child(self, number: u64) -> Option<Self> {
        let subgraph = Self::Graph { main: false };
        Some(match (self, number) {
            (Self::Model, 7) => Self::Graph { main: true },
            (Self::Model, 25) => Self::Function,
            (Self::Function, 7) | (Self::Graph { .. }, 1) => Self::Node,
            (Self::Graph { .. }, 5) => Self::Weight,
            (Self::Graph { .. }, 15) => Self::SparseTensor,
            (Self::Graph { main: true }, 11) => Self::Input,
            (Self::Graph { main: true }, 12) => Self::Output,
            (Self::Node, 5) => Self::Attribute,
            (Self::Attribute, 5 | 10) => Self::Weight,
            (Self::Attribute, 6 | 11) => subgraph,
            (Self::Attribute, 22 | 23) => Self::SparseTensor,
            (Self::SparseTensor, 1 | 2) => Self::Weight,
            _ => return None,
        })
    }
}

struct Walker<R> {
    stream: Stream<R>,
    facts: OnnxFile,
    /// Names of weights: inputs with these names have a default.
    defaults: BTreeSet<String>,
}

impl<R: Read + Seek> Walker<R> {
    fn walk(reader: BufReader<R>, length: u64) -> Wire<OnnxFile> {
        let mut walker = Self {
            stream: Stream::new(reader),
            facts: OnnxFile::default(),
            defaults: BTreeSet::new(),
        };
        walker.message(Message::Model, length, 0)?;
        let Self {
            mut facts,
            defaults,
            ..
        } = walker;
        facts.inputs.retain(|port| !defaults.contains(&port.name));
        Ok(facts)
    }

    fn message(&mut self, message: Message, length: u64, depth: u32) -> Wire<()> {
        if depth > DEEPEST {
            return Err("its messages are nested too deeply".to_owned());
        }
        match message {
            Message::Weight => return self.weight(length),
            Message::Input => {
                let port = port(&mut self.stream, length)?;
                self.facts.inputs.push(port);
                return Ok(());
            }
            Message::Output => {
                let port = port(&mut self.stream, length)?;
                self.facts.outputs.push(port);
                return Ok(());
            }
            Message::Model
            | Message::Graph { .. }
            | Message::Function
            | Message::Node
            | Message::Attribute
            | Message::SparseTensor => {}
        }
        let end = self.stream.position() + length;
        while let Some((number, field)) = self.stream.field(end)? {
            match (message.child(number), field) {
                (Some(child), Field::Bytes(length)) => self.message(child, length, depth + 1)?,
                (None, Field::Bytes(length)) if (message, number) == (Message::Node, 4) => {
                    self.operator(length)?;
                }
                (None, Field::Bytes(length)) if (message, number) == (Message::Model, 14) => {
                    self.metadata(length)?;
                }
                (_, field) => self.stream.pass(field)?,
            }
        }
        Ok(())
    }

    /// `NodeProto.op_type`.
    fn operator(&mut self, length: u64) -> Wire<()> {
        let name = self.stream.text(length)?;
        self.facts.random |=
            name.starts_with("Random") || name == "Bernoulli" || name == "Multinomial";
        self.facts.softmax |= name == "Softmax";
        Ok(())
    }

    /// `TensorProto`: its type, size, name and location.
    fn weight(&mut self, length: u64) -> Wire<()> {
        let end = self.stream.position() + length;
        let mut elements: u64 = 1;
        let mut element = ElementType::Other(0);
        while let Some((number, field)) = self.stream.field(end)? {
            match (number, field) {
                (1, Field::Number(size)) => elements = elements.saturating_mul(size),
                (1, Field::Bytes(length)) => {
                    let end = self.stream.position() + length;
                    while self.stream.position() < end {
                        elements = elements.saturating_mul(self.stream.number(end)?);
                    }
                }
                (2, Field::Number(number)) => element = ElementType::from_number(number),
                (8, Field::Bytes(length)) => {
                    let name = self.stream.text(length)?;
                    self.defaults.insert(name);
                }
                (13, Field::Bytes(length)) => self.external(length)?,
                (_, field) => self.stream.pass(field)?,
            }
        }
        let sum = self.facts.weights.entry(element).or_default();
        *sum = sum.saturating_add(elements);
        Ok(())
    }

    /// One entry of `TensorProto.external_data`.
    fn external(&mut self, length: u64) -> Wire<()> {
        let (key, value) = self.entry(length)?;
        if key == "location" {
            self.facts.external.insert(value);
        }
        Ok(())
    }

    /// One entry of `ModelProto.metadata_props`; `onnx/export.py` writes what is read here.
    fn metadata(&mut self, length: u64) -> Wire<()> {
        let (key, value) = self.entry(length)?;
        if key == "ip2p_latent_multiple" {
            self.facts.latent_multiple = value.parse().ok().filter(|multiple| *multiple > 0);
        }
        Ok(())
    }

    /// `StringStringEntryProto`: a key (1) and a value (2).
    fn entry(&mut self, length: u64) -> Wire<(String, String)> {
        let end = self.stream.position() + length;
        let (mut key, mut value) = (String::new(), String::new());
        while let Some((number, field)) = self.stream.field(end)? {
            match (number, field) {
                (1, Field::Bytes(length)) => key = self.stream.text(length)?,
                (2, Field::Bytes(length)) => value = self.stream.text(length)?,
                (_, field) => self.stream.pass(field)?,
            }
        }
        Ok((key, value))
    }
}

/// `ValueInfoProto`: a name (1) and a type (2).
fn port<R: Read + Seek>(stream: &mut Stream<R>, length: u64) -> Wire<Port> {
    let end = stream.position() + length;
    let mut port = Port {
        name: String::new(),
        element: ElementType::Other(0),
        shape: Vec::new(),
    };
    while let Some((number, field)) = stream.field(end)? {
        match (number, field) {
            (1, Field::Bytes(length)) => port.name = stream.text(length)?,
            (2, Field::Bytes(length)) => type_of_port(stream, length, &mut port)?,
            (_, field) => stream.pass(field)?,
        }
    }
    Ok(port)
}

/// `TypeProto`, or the `TypeProto.Tensor` in its field 1, which has an element type (1, a number) and a shape (2). The
/// kind of field 1 tells which of the two it is.
fn type_of_port<R: Read + Seek>(stream: &mut Stream<R>, length: u64, port: &mut Port) -> Wire<()> {
    let end = stream.position() + length;
    while let Some((number, field)) = stream.field(end)? {
        match (number, field) {
            // Descend without recursion: the tensor's fields are read next.
            (1, Field::Bytes(_)) => {}
            (1, Field::Number(number)) => port.element = ElementType::from_number(number),
            (2, Field::Bytes(length)) => shape(stream, length, port)?,
            (_, field) => stream.pass(field)?,
        }
    }
    Ok(())
}

/// `TensorShapeProto`: its axes (1), each with a size (1, a number) or a symbol.
fn shape<R: Read + Seek>(stream: &mut Stream<R>, length: u64, port: &mut Port) -> Wire<()> {
    let end = stream.position() + length;
    while let Some((number, field)) = stream.field(end)? {
        match (number, field) {
            (1, Field::Bytes(length)) => {
                let size = axis(stream, length)?;
                port.shape.push(size);
            }
            (_, field) => stream.pass(field)?,
        }
    }
    Ok(())
}

fn axis<R: Read + Seek>(stream: &mut Stream<R>, length: u64) -> Wire<Option<u64>> {
    let end = stream.position() + length;
    let mut size = None;
    while let Some((number, field)) = stream.field(end)? {
        match (number, field) {
            (1, Field::Number(number)) => size = Some(number),
            (_, field) => stream.pass(field)?,
        }
    }
    Ok(size)
}
