//! `[[caption]]`: what images show before and after an edit, for the measures of CLIP.

use std::collections::HashSet;

use super::definitions::{AFTER, BEFORE, CAPTION_IMAGE, CAPTION_INSTRUCTION, Setting};
use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::overrides::{UsedValues, single};
use super::path::Base;
use super::raw::{Field, Section};
use super::{SweepSpec, text};
use crate::vocabulary::Parameter;

/// One `[[caption]]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// The instruction that the caption is for.
    pub instruction: String,
    /// Names of the images that the caption is for; `None` for all.
    pub images: Option<Vec<String>>,
    /// What the input shows.
    pub before: String,
    /// What the output should show.
    pub after: String,
}

impl SweepSpec {
    /// The caption of an edit: the one for its image or, failing that, the one for all images.
    pub fn caption(&self, instruction: &str, image: &str) -> Option<&Caption> {
        let of_instruction = || {
            self.captions
                .iter()
                .filter(|caption| caption.instruction == instruction)
        };
        let is_of_image = |caption: &&Caption| {
            let mut names = caption.images.iter().flatten();
            names.any(|name| name == image)
        };
        of_instruction()
            .find(is_of_image)
            .or_else(|| of_instruction().find(|caption| caption.images.is_none()))
    }
}

/// Reads the captions and checks that each belongs to an edit of this sweep, and no two to the same.
pub(super) fn captions(
    spec: &SweepSpec,
    sections: &[Section<'_>],
    base: &Base,
    faults: &mut Faults,
) -> Vec<Caption> {
    if let (Some(first), None) = (sections.first(), &spec.measures.clip) {
        let problem = SpecProblem::Missing {
            key: "measures.clip".to_owned(),
            hint: "captions need it: add clip = \"../onnx/clip\" under [measures], or take the captions out"
                .to_owned(),
        };
        faults.push(problem.at(first.at.unwrap_or_default()));
    }
    let reader = Reader {
        base,
        instructions: UsedValues::of(spec, Parameter::Instruction),
        images: UsedValues::of(spec, Parameter::Image),
    };
    let mut seen = HashSet::new();
    let mut captions = Vec::new();
    for section in sections {
        if faults.full() {
            break;
        }
        let Some(caption) = faults.take(reader.read(section)) else {
            continue;
        };
        if let Some(problem) = repeated(&caption, &mut seen, section.number) {
            faults.push(problem.at(section.at.unwrap_or_default()));
        }
        captions.push(caption);
    }
    captions
}

/// The edit that this caption and an earlier one both belong to.
fn repeated(
    caption: &Caption,
    seen: &mut HashSet<(String, Option<String>)>,
    number: usize,
) -> Option<SpecProblem> {
    let images: Vec<Option<String>> = match &caption.images {
        Some(images) => images.iter().cloned().map(Some).collect(),
        None => vec![None],
    };
    let mut twice = images
        .into_iter()
        .filter(|image| !seen.insert((caption.instruction.clone(), image.clone())));
    let image = twice.next()?;
    let of_image = image.map_or_else(String::new, |image| format!(" and {}", quoted(&image)));
    Some(SpecProblem::SecondCaption {
        caption: format!("caption {number}"),
        edit: format!("{}{of_image}", quoted(&caption.instruction)),
    })
}

/// Reads captions and checks them against the sweep.
struct Reader<'a> {
    base: &'a Base,
    instructions: UsedValues,
    images: UsedValues,
}

impl Reader<'_> {
    fn read(&self, section: &Section<'_>) -> Checked<Caption> {
        let instruction = required(section, &CAPTION_INSTRUCTION)?;
        let typed = text::prompt(instruction)?;
        let known = &self.instructions;
        if let Some(problem) = known.never_matches(instruction.key, &typed.as_str().into()) {
            return Err(problem.at(instruction.at));
        }
        let image = section.get(&CAPTION_IMAGE);
        let images = image.map(|field| self.images(field)).transpose()?;
        let before = text::prompt(required(section, &BEFORE)?)?;
        let after = required(section, &AFTER)?;
        let caption = Caption {
            instruction: typed,
            images,
            before,
            after: text::prompt(after)?,
        };
        if caption.before == caption.after {
            let problem = SpecProblem::NoDirection {
                caption: format!("caption {}", section.number),
            };
            return Err(problem.at(after.at));
        }
        Ok(caption)
    }

    /// The sweep's images that match a path or pattern.
    fn images(&self, field: Field<'_>) -> Checked<Vec<String>> {
        let name = self.base.name(single(field)?)?;
        let known = self.images.texts();
        let known = known.iter().map(String::as_str);
        let mut images = self.base.select(field, &name, known)?;
        images.sort_unstable();
        if !images.is_empty() {
            return Ok(images);
        }
        match self.images.never_matches(field.key, &name.into()) {
            Some(problem) => Err(problem.at(field.at)),
            None => Ok(images),
        }
    }
}

/// A key that a caption must have.
fn required<'t>(section: &Section<'t>, setting: &'static Setting) -> Checked<Field<'t>> {
    match section.get(setting) {
        Some(field) => single(field),
        None => {
            let problem = SpecProblem::Missing {
                key: format!("{} of caption {}", setting.key, section.number),
                hint: "a caption needs instruction, before and after, e.g. before = \"a house\" and after = \"a house in winter\"".to_owned(),
            };
            Err(problem.at(section.at.unwrap_or_default()))
        }
    }
}
