//! The inputs and outputs of CLIP's two graphs.

use std::path::PathBuf;

use super::{Call, FLOATS, Graph, INTEGERS};
use crate::model::ModelError;
use crate::model::onnx_file::{OnnxFile, Port};

/// How to call CLIP's graphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model) struct ClipCalls {
    pub text: Call,
    pub image: Call,
}

impl ClipCalls {
    /// Checks both graphs against the configurations and each other. `size` is the width and height of the image
    /// encoder's input.
    pub fn check(
        text: &(PathBuf, OnnxFile),
        image: &(PathBuf, OnnxFile),
        context_length: usize,
        (width, height): (u32, u32),
    ) -> Result<Self, ModelError> {
        let (text, image) = (Graph::of(text), Graph::of(image));
        let (ids, pixels) = (text.only_input()?, image.only_input()?);
        let (ids_feed, pixels_feed) =
            (text.feed(ids, INTEGERS, 2)?, image.feed(pixels, FLOATS, 4)?);
        text.size(ids, 1, context_length, "tokens")?;
        image.size(pixels, 1, 3, "channels")?;
        image.size(pixels, 2, height as usize, "rows")?;
        image.size(pixels, 3, width as usize, "columns")?;
        let of_text = embedding(&text, "text_embeds")?;
        let of_image = embedding(&image, "image_embeds")?;
        match (of_text.shape[1], of_image.shape[1]) {
            (Some(of_text), Some(of_image)) if of_text != of_image => Err(image.wrong(format!(
                "it gives {of_image} channels, but the text encoder {of_text}"
            ))),
            _ => Ok(Self {
                text: Call {
                    input: ids_feed,
                    output: of_text.name.clone(),
                },
                image: Call {
                    input: pixels_feed,
                    output: of_image.name.clone(),
                },
            }),
        }
    }
}

/// The output with this name, which must have one row of channels for each input row.
fn embedding<'a>(graph: &Graph<'a>, name: &str) -> Result<&'a Port, ModelError> {
    let output = graph.named_output(name)?;
    graph.element(output, FLOATS)?;
    graph.axes(output, 2)?;
    Ok(output)
}
