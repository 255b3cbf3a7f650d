//! What an ONNX file says of itself, read from its protobuf without a runtime: inputs, outputs,
//! the types of its weights, where its weights lie, and whether it draws random numbers.
//!
//! Only the few messages of [onnx.proto](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto)
//! that lead to these are entered; everything else, weights above all, is skipped unread.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use super::ModelError;

/// Messages nest to about ten levels in real models; garbage must not exhaust the stack.
const DEEPEST: u32 = 64;
/// Longest name or location that is taken for real, in bytes.
const LONGEST_TEXT: u64 = 4096;

/// Element type of a graph's input, output or weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElementType {
    /// IEEE single.
    Float32,
    /// IEEE half.
    Float16,
    /// The upper half of a single.
    BFloat16,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// Any other, by its number in `TensorProto.DataType`.
    Other(u64),
}

impl ElementType {
    fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Float32,
            10 => Self::Float16,
            16 => Self::BFloat16,
            6 => Self::Int32,
            7 => Self::Int64,
            other => Self::Other(other),
        }
    }
}

impl std::fmt::Display for ElementType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float32 => f.write_str("float32"),
            Self::Float16 => f.write_str("float16"),
            Self::BFloat16 => f.write_str("bfloat16"),
            Self::Int32 => f.write_str("int32"),
            Self::Int64 => f.write_str("int64"),
            Self::Other(2) => f.write_str("uint8"),
            Self::Other(3) => f.write_str("int8"),
            Self::Other(11) => f.write_str("float64"),
            Self::Other(number) => write!(f, "type {number}"),
        }
    }
}

/// An input or output of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub element: ElementType,
    /// Its axes; `None` where the size is open. A scalar has none.
    pub shape: Vec<Option<u64>>,
}

/// The facts of one ONNX file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnnxFile {
    /// Inputs that must be fed (those with a default value in the file are left out).
    pub inputs: Vec<Port>,
    /// Outputs, in order.
    pub outputs: Vec<Port>,
    /// Where weights outside the file lie, as written in it.
    pub external: BTreeSet<String>,
    /// Whether it draws random numbers, so that two runs differ.
    pub random: bool,
    /// Weights by type, in elements.
    weights: BTreeMap<ElementType, u64>,
}

impl OnnxFile {
    /// Reads the facts of the file at `path`.
    ///
    /// # Errors
    /// [`ModelError::Onnx`] if it is not a protobuf that holds a graph, and read errors.
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
        let facts = Walker::walk(BufReader::new(file), length).map_err(broken)?;
        if facts.outputs.is_empty() {
            return Err(broken("it holds no graph".to_owned()));
        }
        Ok(facts)
    }

    /// The type that most weights have; float32 if it has none.
    pub fn precision(&self) -> ElementType {
        self.weights
            .iter()
            .max_by_key(|(_, elements)| **elements)
            .map_or(ElementType::Float32, |(element, _)| *element)
    }
}

/// The messages that are entered.
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
    /// The message in field `number` of this one, if it is of interest.
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

/// What a field holds, after its key.
enum Field {
    Number(u64),
    /// Length in bytes; the bytes follow.
    Bytes(u64),
    /// 4 or 8 bytes, already skipped.
    Fixed,
}

struct Walker<R> {
    reader: BufReader<R>,
    position: u64,
    facts: OnnxFile,
    /// Names of weights: inputs so called have a default.
    defaults: BTreeSet<String>,
}

type Walk<T> = Result<T, String>;

impl<R: Read + Seek> Walker<R> {
    fn walk(reader: BufReader<R>, length: u64) -> Walk<OnnxFile> {
        let mut walker = Self {
            reader,
            position: 0,
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

    fn message(&mut self, message: Message, end: u64, depth: u32) -> Walk<()> {
        if depth > DEEPEST {
            return Err("its messages are nested too deeply".to_owned());
        }
        match message {
            Message::Weight => return self.weight(end),
            Message::Input => {
                let port = self.port(end)?;
                self.facts.inputs.push(port);
                return Ok(());
            }
            Message::Output => {
                let port = self.port(end)?;
                self.facts.outputs.push(port);
                return Ok(());
            }
            _ => {}
        }
        while let Some((number, field)) = self.field(end)? {
            let Field::Bytes(length) = field else {
                continue;
            };
            match (message, number) {
                (Message::Node, 4) => self.operator(length)?,
                _ => match message.child(number) {
                    Some(child) => {
                        let end = self.position + length;
                        self.message(child, end, depth + 1)?;
                    }
                    None => self.skip(length)?,
                },
            }
        }
        Ok(())
    }

    /// `NodeProto.op_type`.
    fn operator(&mut self, length: u64) -> Walk<()> {
        let name = self.text(length)?;
        self.facts.random |=
            name.starts_with("Random") || name == "Bernoulli" || name == "Multinomial";
        Ok(())
    }

    /// `TensorProto`: its type, size, name and location.
    fn weight(&mut self, end: u64) -> Walk<()> {
        let mut elements: u64 = 1;
        let mut element = ElementType::Other(0);
        while let Some((number, field)) = self.field(end)? {
            match (number, field) {
                (1, Field::Number(size)) => elements = elements.saturating_mul(size),
                (1, Field::Bytes(length)) => {
                    let end = self.position + length;
                    while self.position < end {
                        elements = elements.saturating_mul(self.varint(end)?);
                    }
                }
                (2, Field::Number(number)) => element = ElementType::from_number(number),
                (8, Field::Bytes(length)) => {
                    let name = self.text(length)?;
                    self.defaults.insert(name);
                }
                (13, Field::Bytes(length)) => self.external(length)?,
                (_, Field::Bytes(length)) => self.skip(length)?,
                _ => {}
            }
        }
        let sum = self.facts.weights.entry(element).or_default();
        *sum = sum.saturating_add(elements);
        Ok(())
    }

    /// One `StringStringEntryProto` of `TensorProto.external_data`.
    fn external(&mut self, length: u64) -> Walk<()> {
        let end = self.position + length;
        let (mut key, mut value) = (String::new(), String::new());
        while let Some((number, field)) = self.field(end)? {
            match (number, field) {
                (1, Field::Bytes(length)) => key = self.text(length)?,
                (2, Field::Bytes(length)) => value = self.text(length)?,
                (_, Field::Bytes(length)) => self.skip(length)?,
                _ => {}
            }
        }
        if key == "location" {
            self.facts.external.insert(value);
        }
        Ok(())
    }

    /// `ValueInfoProto`: name (1) and type (2), whose tensor type (1) has an element type (1) and a shape (2).
    fn port(&mut self, end: u64) -> Walk<Port> {
        let mut port = Port {
            name: String::new(),
            element: ElementType::Other(0),
            shape: Vec::new(),
        };
        while let Some((number, field)) = self.field(end)? {
            match (number, field) {
                (1, Field::Bytes(length)) => port.name = self.text(length)?,
                (2, Field::Bytes(length)) => self.port_type(length, &mut port)?,
                (_, Field::Bytes(length)) => self.skip(length)?,
                _ => {}
            }
        }
        Ok(port)
    }

    fn port_type(&mut self, length: u64, port: &mut Port) -> Walk<()> {
        let end = self.position + length;
        while let Some((number, field)) = self.field(end)? {
            match (number, field) {
                (1, Field::Bytes(length)) => self.tensor_type(length, port)?,
                (_, Field::Bytes(length)) => self.skip(length)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn tensor_type(&mut self, length: u64, port: &mut Port) -> Walk<()> {
        let end = self.position + length;
        while let Some((number, field)) = self.field(end)? {
            match (number, field) {
                (1, Field::Number(number)) => port.element = ElementType::from_number(number),
                (2, Field::Bytes(length)) => self.shape(length, port)?,
                (_, Field::Bytes(length)) => self.skip(length)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn shape(&mut self, length: u64, port: &mut Port) -> Walk<()> {
        let end = self.position + length;
        while let Some((number, field)) = self.field(end)? {
            match (number, field) {
                (1, Field::Bytes(length)) => {
                    let axis = self.axis(length)?;
                    port.shape.push(axis);
                }
                (_, Field::Bytes(length)) => self.skip(length)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn axis(&mut self, length: u64) -> Walk<Option<u64>> {
        let end = self.position + length;
        let mut size = None;
        while let Some((number, field)) = self.field(end)? {
            match (number, field) {
                (1, Field::Number(number)) => size = Some(number),
                (_, Field::Bytes(length)) => self.skip(length)?,
                _ => {}
            }
        }
        Ok(size)
    }

    /// The next field of a message that ends at `end`, or `None` there.
    fn field(&mut self, end: u64) -> Walk<Option<(u64, Field)>> {
        if self.position >= end {
            return Ok(None);
        }
        let key = self.varint(end)?;
        let field = match key & 7 {
            0 => Field::Number(self.varint(end)?),
            1 => {
                self.fits(8, end)?;
                self.skip(8)?;
                Field::Fixed
            }
            2 => {
                let length = self.varint(end)?;
                self.fits(length, end)?;
                Field::Bytes(length)
            }
            5 => {
                self.fits(4, end)?;
                self.skip(4)?;
                Field::Fixed
            }
            wire => {
                return Err(format!(
                    "unknown wire type {wire} at byte {}",
                    self.position
                ));
            }
        };
        Ok(Some((key >> 3, field)))
    }

    fn fits(&self, length: u64, end: u64) -> Walk<()> {
        if length > end.saturating_sub(self.position) {
            return Err(format!("it breaks off at byte {}", self.position));
        }
        Ok(())
    }

    fn varint(&mut self, end: u64) -> Walk<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            self.fits(1, end)?;
            let mut byte = [0];
            self.reader.read_exact(&mut byte).map_err(said)?;
            self.position += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(format!("a number too long at byte {}", self.position))
    }

    fn text(&mut self, length: u64) -> Walk<String> {
        if length > LONGEST_TEXT {
            return Err(format!(
                "a name of {length} bytes at byte {}",
                self.position
            ));
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
        self.reader.read_exact(&mut bytes).map_err(said)?;
        self.position += length;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn skip(&mut self, length: u64) -> Walk<()> {
        let distance = i64::try_from(length).map_err(|error| error.to_string())?;
        self.reader.seek_relative(distance).map_err(said)?;
        self.position += length;
        Ok(())
    }
}

fn said(error: io::Error) -> String {
    error.to_string()
}
