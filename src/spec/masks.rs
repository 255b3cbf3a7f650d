//! Masks: a file, or an inline table that says how a mask is made.

use toml::de::DeValue;

use super::error::SpecProblem;
use super::fault::{Checked, quoted};
use super::number::{Limits, number};
use super::path::Base;
use super::raw::Field;
use super::{NamedMask, NamedPath, suggest};
use crate::image::{MaskRecipe, MaskSource};
use crate::vocabulary::Scale;

/// The keys of a mask's table.
pub(super) const KEYS: [&str; 7] = [
    "file", "alpha", "changed", "above", "invert", "grow", "blur",
];
/// The largest `grow`, in pixels.
pub(super) const MOST_GROWTH: u32 = u8::MAX as u32;
/// The largest `blur`, in pixels.
pub(super) const MOST_BLUR: u32 = 255;
/// The default of `above`, in tenths.
const ABOVE: u32 = 1;

/// The masks that a value stands for: the files that match a path or pattern, or the one mask of a table.
pub(super) fn masks(field: Field<'_>, base: &Base) -> Checked<Vec<NamedMask>> {
    match field.value {
        DeValue::Table(_) => Ok(vec![of_table(field, base)?]),
        _ => Ok((base.matching_files(field)?.into_iter())
            .map(of_file)
            .collect()),
    }
}

/// One mask; a file must exist.
pub(super) fn mask(field: Field<'_>, base: &Base) -> Checked<NamedMask> {
    match field.value {
        DeValue::Table(_) => of_table(field, base),
        _ => base.file(field).map(of_file),
    }
}

/// The name of a mask, for comparison with those of cells; a file need not exist.
pub(super) fn name(field: Field<'_>, base: &Base) -> Checked<String> {
    match field.value {
        DeValue::Table(_) => {
            recipe(&Typed::read(field)?, field, |file| base.name(file)).map(|recipe| recipe.name())
        }
        _ => base.name(field),
    }
}

fn of_file(NamedPath { name, path }: NamedPath) -> NamedMask {
    let recipe = MaskRecipe::plain(MaskSource::File(name));
    NamedMask {
        name: recipe.name(),
        path: Some(path),
        recipe,
    }
}

fn of_table(field: Field<'_>, base: &Base) -> Checked<NamedMask> {
    let typed = Typed::read(field)?;
    let file = typed.file.map(|file| base.file(file)).transpose()?;
    let recipe = recipe(&typed, field, |typed| {
        Ok(file
            .as_ref()
            .map_or(base.name(typed)?, |file| file.name.clone()))
    })?;
    Ok(NamedMask {
        name: recipe.name(),
        path: file.map(|file| file.path),
        recipe,
    })
}

/// The keys of a table as typed.
#[derive(Default)]
struct Typed<'t> {
    file: Option<Field<'t>>,
    alpha: Option<Field<'t>>,
    changed: Option<Field<'t>>,
    above: Option<Field<'t>>,
    invert: Option<Field<'t>>,
    grow: Option<Field<'t>>,
    blur: Option<Field<'t>>,
}

impl<'t> Typed<'t> {
    fn read(field: Field<'t>) -> Checked<Self> {
        let mut typed = Self::default();
        let DeValue::Table(entries) = field.value else {
            return Ok(typed);
        };
        for (name, value) in entries {
            let part = Some(Field {
                value: value.get_ref(),
                at: value.span().start,
                ..field
            });
            let key: &str = name.get_ref();
            match key {
                "file" => typed.file = part,
                "alpha" => typed.alpha = part,
                "changed" => typed.changed = part,
                "above" => typed.above = part,
                "invert" => typed.invert = part,
                "grow" => typed.grow = part,
                "blur" => typed.blur = part,
                _ => {
                    let problem = SpecProblem::UnknownKey {
                        key: quoted(key),
                        place: format!("in the table of {}", field.key),
                        hint: suggest::hint(key, "known keys", &KEYS),
                    };
                    return Err(problem.at(name.span().start));
                }
            }
        }
        Ok(typed)
    }
}

fn recipe<'t>(
    typed: &Typed<'t>,
    field: Field<'t>,
    file: impl Fn(Field<'t>) -> Checked<String>,
) -> Checked<MaskRecipe> {
    let source = source(typed, field, file)?;
    let decimal = |field, max| number(field, Limits::between(0, max)).map(Scale::new);
    Ok(MaskRecipe {
        source,
        invert: typed.invert.map(truth).transpose()?.unwrap_or_default(),
        grow: match typed.grow {
            Some(field) => {
                let pixels = number(field, Limits::whole(0_u32, MOST_GROWTH))?;
                u8::try_from(pixels).unwrap_or(u8::MAX)
            }
            None => 0,
        },
        blur: match typed.blur {
            Some(field) => decimal(field, MOST_BLUR)?,
            None => Scale::zero(),
        },
    })
}

/// Exactly one of `file`, `alpha` and `changed`.
fn source<'t>(
    typed: &Typed<'t>,
    field: Field<'t>,
    file: impl Fn(Field<'t>) -> Checked<String>,
) -> Checked<MaskSource> {
    let bad = |fault: &str, hint: &str| {
        let problem = SpecProblem::Mask {
            key: field.key.to_string(),
            fault: fault.to_owned(),
            hint: hint.to_owned(),
        };
        Err(problem.at(field.at))
    };
    if typed.above.is_some() && typed.changed.is_none() {
        return bad(
            "has above but not changed",
            "above says how much a stage must have changed: { changed = \"edit\", above = 0.1 }",
        );
    }
    match (typed.file, typed.alpha, typed.changed) {
        (Some(path), None, None) => file(path).map(MaskSource::File),
        (None, Some(alpha), None) => match truth(alpha)? {
            true => Ok(MaskSource::Alpha),
            false => bad(
                "has alpha = false",
                "take alpha out and name a file, or write alpha = true",
            ),
        },
        (None, None, Some(stage)) => Ok(MaskSource::Changed {
            stage: stage.text()?.to_owned(),
            above: match typed.above {
                Some(above) => Scale::new(number(above, Limits::between(0, 1))?),
                None => Scale::tenths(ABOVE),
            },
        }),
        _ => bad(
            "needs exactly one of file, alpha and changed",
            "e.g. { file = \"mask.png\", grow = 8 }, { alpha = true } or { changed = \"edit\", above = 0.1 }",
        ),
    }
}

fn truth(field: Field<'_>) -> Checked<bool> {
    match field.value {
        DeValue::Boolean(value) => Ok(*value),
        _ => Err(field.wrong_type("true or false").at(field.at)),
    }
}
