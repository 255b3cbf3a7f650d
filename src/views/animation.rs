//! An animation along an axis: cells that differ from a given one only in that axis, each with its value, as a GIF.

use std::path::PathBuf;
use std::time::Duration;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, ImageError, Rgb, RgbImage};

use super::{File, View, ViewFiles};
use crate::drawing::{Face, Glyphs, Shorten, Style};
use crate::plan::Cell;
use crate::store::{Run, StoreError, write_file};
use crate::vocabulary::{CellKey, Parameter, shown_value};

/// NeuQuant's speed, 1 (best quality) to 30; each frame gets its own palette.
const SPEED: i32 = 8;
const PAPER: Rgb<u8> = Rgb([255; 3]);
const INK: Rgb<u8> = Rgb([29, 31, 34]);

/// An animation to make.
#[derive(Debug)]
pub struct Animation<'a> {
    /// The run.
    pub run: &'a Run,
    /// One of its cells.
    pub cell: CellKey,
    /// The axis that changes from frame to frame.
    pub along: Parameter,
    /// How long each frame is shown.
    pub frame: Duration,
    /// The file to write.
    pub out: PathBuf,
}

/// Why an animation cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AnimationError {
    /// Only one cell has an image along this axis.
    #[error("no other finished cell differs from {cell} in {along} alone")]
    #[diagnostic(help("choose an axis with several values, or wait until more cells are done"))]
    OneFrame {
        /// The cell.
        cell: CellKey,
        /// The axis.
        along: Parameter,
    },
    /// The image cannot be encoded.
    #[error("cannot code {}: {source}", path.display())]
    #[diagnostic(help("GIFs hold sides of at most 65535 pixels"))]
    Code {
        /// The file.
        path: PathBuf,
        /// The encoder's error.
        source: ImageError,
    },
    /// The file cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
}

impl Animation<'_> {
    /// The cells of the frames, in the order of the axis, without those whose images cannot be read.
    fn frames(&self) -> Vec<(&Cell, RgbImage)> {
        let cells = &self.run.plan.cells;
        let Some(own) = self.run.plan.cell(&self.cell) else {
            return Vec::new();
        };
        let is_beside = |cell: &&Cell| {
            let mut others = Parameter::ALL
                .into_iter()
                .filter(|parameter| *parameter != self.along);
            cell.stage == own.stage
                && others.all(|of| cell.parameters.text(of) == own.parameters.text(of))
        };
        let mut frames: Vec<(&Cell, RgbImage)> = cells
            .iter()
            .filter(is_beside)
            .filter_map(|cell| Some((cell, self.run.image(&cell.key).ok()?)))
            .collect();
        frames.sort_by_key(|(cell, _)| self.position(cell));
        frames
    }

    /// The index of a cell's value on the axis.
    fn position(&self, cell: &Cell) -> Option<usize> {
        let axis = self
            .run
            .plan
            .axes
            .iter()
            .find(|axis| axis.parameter == self.along)?;
        let value = cell.parameters.text(self.along);
        axis.values.iter().position(|known| *known == value)
    }

    /// An image with its value beneath it.
    fn captioned(&self, cell: &Cell, image: &RgbImage, (width, height): (u32, u32)) -> RgbImage {
        let style = Style {
            face: Face::REGULAR,
            em: (width as f32 / 20.0).clamp(12.0, 28.0),
        };
        let value = cell.parameters.text(self.along);
        let words = format!("{} {}", self.along.key(), shown_value(self.along, &value));
        let words = Glyphs::default().showable(&words);
        let line = style.wrap(&words, width, 1, Shorten::End).lines.concat();
        let mut frame = RgbImage::from_pixel(width, height + style.line(), PAPER);
        let (x, y) = ((width - image.width()) / 2, (height - image.height()) / 2);
        image::imageops::replace(&mut frame, image, x.into(), y.into());
        let left = width.saturating_sub(style.width(&line)) / 2;
        style
            .face
            .draw(&mut frame, (left, height), &line, style.em, INK);
        frame
    }
}

impl View for Animation<'_> {
    type Error = AnimationError;

    /// Always `None`: an animation is written to the file that the user names.
    fn find(&self) -> Option<ViewFiles> {
        None
    }

    fn write(&self) -> Result<ViewFiles, AnimationError> {
        let frames = self.frames();
        if frames.len() < 2 {
            let (cell, along) = (self.cell.clone(), self.along);
            return Err(AnimationError::OneFrame { cell, along });
        }
        let most = |side: fn(&RgbImage) -> u32| {
            frames
                .iter()
                .map(|(_, image)| side(image))
                .max()
                .unwrap_or(1)
        };
        let size = (most(RgbImage::width), most(RgbImage::height));
        let code = |source| AnimationError::Code {
            path: self.out.clone(),
            source,
        };
        let mut bytes = Vec::new();
        let mut drawn_size = size;
        {
            let mut encoder = GifEncoder::new_with_speed(&mut bytes, SPEED);
            encoder.set_repeat(Repeat::Infinite).map_err(code)?;
            for (cell, image) in &frames {
                let drawn =
                    image::DynamicImage::from(self.captioned(cell, image, size)).into_rgba8();
                drawn_size = drawn.dimensions();
                let delay = Delay::from_saturating_duration(self.frame);
                encoder
                    .encode_frame(Frame::from_parts(drawn, 0, 0, delay))
                    .map_err(code)?;
            }
        }
        write_file(&self.out, &bytes)?;
        Ok(ViewFiles {
            files: vec![File {
                what: "animation",
                path: self.out.clone(),
                size: Some(drawn_size),
            }],
            notes: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::AnimationDecoder;
    use image::codecs::gif::GifDecoder;

    use super::*;
    use crate::views::sheet::samples::{fail, plan, run};

    fn animation<'a>(run: &'a Run, along: Parameter, out: PathBuf) -> Animation<'a> {
        Animation {
            run,
            cell: run.plan.cells[0].key.clone(),
            along,
            frame: Duration::from_millis(700),
            out,
        }
    }

    #[test]
    fn frames_are_the_finished_cells_along_the_axis_with_their_values() {
        let folder = tempfile::tempdir().unwrap();
        let axes: [(Parameter, &[&str]); 2] = [
            (Parameter::Seed, &["1", "2"]),
            (Parameter::GuidanceScale, &["3.0", "5.0", "7.0", "9.0"]),
        ];
        let mut run = run(plan(&axes), folder.path());
        fail(&mut run, 2, "NaN");
        let out = folder.path().join("along.gif");
        animation(&run, Parameter::GuidanceScale, out.clone())
            .write()
            .unwrap();
        let bytes = std::fs::read(&out).unwrap();
        let frames = GifDecoder::new(Cursor::new(bytes))
            .unwrap()
            .into_frames()
            .collect_frames()
            .unwrap();
        assert_eq!(frames.len(), 3, "the failed one is left out");
        for (frame, cell) in frames.iter().zip([0_usize, 1, 3]) {
            assert_eq!(Duration::from(frame.delay()), Duration::from_millis(700));
            let pixel = frame.buffer().get_pixel(256, 256);
            let blue = (cell * 37 % 256) as u8;
            assert!(pixel[2].abs_diff(blue) < 24, "{cell}: {pixel:?}");
            assert!(frame.buffer().height() > 512, "room for the value");
        }
    }

    #[test]
    fn one_cell_alone_is_no_animation() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(plan(&[(Parameter::Seed, &["1", "2"])]), folder.path());
        let out = folder.path().join("x.gif");
        let error = animation(&run, Parameter::GuidanceScale, out.clone())
            .write()
            .unwrap_err();
        assert!(error.to_string().contains("guidance_scale"), "{error}");
        assert!(!out.exists());
    }
}
