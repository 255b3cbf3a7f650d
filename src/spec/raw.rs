//! A sweep file as written: tables and fields with their locations. Keys are known to be valid, values are not checked.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::definitions::names;
use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::keys::{Entry, Key, Table};
use super::suggest;
use crate::vocabulary::{Parameter, Place};

/// A value under a key.
#[derive(Clone, Copy)]
pub(super) struct Field<'t> {
    pub key: Key,
    pub value: &'t DeValue<'t>,
    /// The byte at which the value begins.
    pub at: usize,
}

/// One table of the file.
#[derive(Default)]
pub(super) struct Section<'t> {
    /// The number of the table, from 1, if the table repeats.
    pub number: usize,
    /// The byte at which the table begins; `None` if the file does not have it.
    pub at: Option<usize>,
    fields: Vec<Field<'t>>,
    /// In presets and exclusions, the keys of named stages, by the stages' names.
    pub stages: Vec<(&'t str, Self)>,
}

impl<'t> Section<'t> {
    pub fn get(&self, entry: impl Into<Entry>) -> Option<Field<'t>> {
        let entry = entry.into();
        let mut fields = self.fields.iter().copied();
        fields.find(|field| field.key.entry == entry)
    }

    /// Whether a parameter is set here, including for a named stage.
    pub fn has(&self, parameter: Parameter) -> bool {
        let mut stages = self.stages.iter();
        self.get(parameter).is_some() || stages.any(|(_, section)| section.has(parameter))
    }

    pub fn fields(&self) -> &[Field<'t>] {
        &self.fields
    }

    /// The fields that set parameters.
    pub fn parameters(&self) -> impl Iterator<Item = (Parameter, Field<'t>)> {
        self.fields
            .iter()
            .filter_map(|field| match field.key.entry {
                Entry::Parameter(parameter) => Some((parameter, *field)),
                Entry::Setting(_) | Entry::Table(_) => None,
            })
    }
}

/// A sweep file as written.
#[derive(Default)]
pub(super) struct RawSweep<'t> {
    pub root: Section<'t>,
    pub sweep: Section<'t>,
    pub then: Vec<Section<'t>>,
    pub presets: Vec<Section<'t>>,
    pub excludes: Vec<Section<'t>>,
    pub captions: Vec<Section<'t>>,
    pub size: Section<'t>,
    pub runtime: Section<'t>,
    pub numerics: Section<'t>,
    pub measures: Section<'t>,
    pub sheet: Section<'t>,
    pub check: Section<'t>,
    pub ignored: Vec<Section<'t>>,
    pub tolerances: Vec<Section<'t>>,
}

impl<'t> RawSweep<'t> {
    /// Sorts a TOML document into tables and fields; unknown keys become faults.
    pub fn new(document: &'t DeTable<'t>, faults: &mut Faults) -> Self {
        let mut raw = Self {
            root: section(Table::Root, 1, None, document, faults),
            ..Self::default()
        };
        for table in Table::NAMED.into_iter().chain(Table::OF_CHECK) {
            let place = match table {
                Table::Ignore | Table::Tolerance => &raw.check,
                _ => &raw.root,
            };
            let Some(field) = place.get(table) else {
                continue;
            };
            let tables = if table.repeats() {
                faults.take(tables(field, table)).unwrap_or_default()
            } else {
                faults.take(one_table(field, table)).into_iter().collect()
            };
            for (index, (at, entries)) in tables.into_iter().enumerate() {
                let section = section(table, index + 1, Some(at), entries, faults);
                match table {
                    Table::Root => {}
                    Table::Sweep => raw.sweep = section,
                    Table::Then => raw.then.push(section),
                    Table::Preset => raw.presets.push(section),
                    Table::Exclude => raw.excludes.push(section),
                    Table::Caption => raw.captions.push(section),
                    Table::Size => raw.size = section,
                    Table::Runtime => raw.runtime = section,
                    Table::Numerics => raw.numerics = section,
                    Table::Measures => raw.measures = section,
                    Table::Sheet => raw.sheet = section,
                    Table::Check => raw.check = section,
                    Table::Ignore => raw.ignored.push(section),
                    Table::Tolerance => raw.tolerances.push(section),
                }
            }
        }
        raw
    }
}

/// Reads the fields of a table.
fn section<'t>(
    table: Table,
    number: usize,
    at: Option<usize>,
    entries: &'t DeTable<'t>,
    faults: &mut Faults,
) -> Section<'t> {
    let mut fields: Vec<Field> = Vec::new();
    let mut stages = Vec::new();
    for (typed, value) in entries {
        let (name, at_key): (&str, _) = (typed.get_ref(), typed.span().start);
        let Some(entry) = table.find(name) else {
            if let (true, DeValue::Table(own)) = (table.takes_stages(), value.get_ref()) {
                stages.push((name, of_stage(table, number, at_key, own, faults)));
                continue;
            }
            faults.push(unknown_key(name, table).at(at_key));
            continue;
        };
        if fields.iter().any(|field| field.key.entry == entry) {
            faults.push(second_name(name, entry).at(at_key));
            continue;
        }
        fields.push(Field {
            key: Key {
                table,
                number,
                entry,
            },
            value: value.get_ref(),
            at: value.span().start,
        });
    }
    Section {
        number,
        at,
        fields,
        stages,
    }
}

/// Reads the keys of a named stage in a preset or an exclusion (`edit.seed`), which must be parameters.
fn of_stage<'t>(
    table: Table,
    number: usize,
    at: usize,
    entries: &'t DeTable<'t>,
    faults: &mut Faults,
) -> Section<'t> {
    let mut own = section(table, number, Some(at), entries, faults);
    let foreign = (own.stages.iter().map(|(name, section)| (*name, section.at)))
        .chain(own.fields.iter().filter_map(|field| match field.key.entry {
            Entry::Parameter(_) => None,
            Entry::Setting(_) | Entry::Table(_) => Some((field.key.entry.name(), Some(field.at))),
        }))
        .collect::<Vec<_>>();
    for (name, place) in foreign {
        faults.push(unknown_key(name, table).at(place.unwrap_or(at)));
    }
    own.stages.clear();
    own
}

/// The problem of a parameter that is set under two of its names.
fn second_name(typed: &str, entry: Entry) -> SpecProblem {
    SpecProblem::SecondName {
        key: quoted(typed),
        name: entry.name(),
    }
}

/// The problem of a key that the table does not have, with the key that was probably meant.
fn unknown_key(typed: &str, table: Table) -> SpecProblem {
    let mut homes = [Table::Root].into_iter().chain(Table::NAMED);
    let home =
        homes.find(|other| *other != table && !other.repeats() && other.find(typed).is_some());
    let hint = match home {
        Some(Table::Root) => format!("{typed} stands at the top of the file, above all [tables]"),
        Some(home) => format!("{typed} belongs under {}", home.header()),
        None => elsewhere(typed, table)
            .unwrap_or_else(|| suggest::hint(typed, "known keys", &table.keys())),
    };
    SpecProblem::UnknownKey {
        key: quoted(typed),
        place: if table == Table::Root {
            "at the top of the file".to_owned()
        } else {
            format!("in {}", table.header())
        },
        hint,
    }
}

/// What another tool's key is called here.
fn elsewhere(typed: &str, table: Table) -> Option<String> {
    let typed = typed.to_lowercase().replace([' ', '-'], "_");
    let mut parameters = Parameter::DEFINED.into_iter();
    let parameter =
        parameters.find(|parameter| parameter.definition().elsewhere.contains(&typed.as_str()))?;
    let here = table.parameters().any(|known| known == parameter);
    Some(match (here, parameter.definition().place) {
        (true, _) => format!("it is called {parameter} here"),
        (false, Place::Top) => {
            format!("it is called {parameter} here and stands at the top of the file")
        }
        (false, Place::Sweep | Place::Presets) => {
            format!("it is called {parameter} here and stands under [sweep]")
        }
    })
}

type Entries<'t> = (usize, &'t DeTable<'t>);

/// The content of `[name]`.
fn one_table<'t>(field: Field<'t>, table: Table) -> Checked<Entries<'t>> {
    match field.value {
        DeValue::Table(entries) => Ok((field.at, entries)),
        other => Err(not_a_table(field, table, other).at(field.at)),
    }
}

/// The contents of `[[name]]`.
fn tables<'t>(field: Field<'t>, table: Table) -> Checked<Vec<Entries<'t>>> {
    let DeValue::Array(items) = field.value else {
        return Err(not_a_table(field, table, field.value).at(field.at));
    };
    items
        .iter()
        .map(|item| match item.get_ref() {
            DeValue::Table(entries) => Ok((item.span().start, entries)),
            other => Err(not_a_table(field, table, other).at(item.span().start)),
        })
        .collect()
}

fn not_a_table(field: Field<'_>, table: Table, found: &DeValue<'_>) -> SpecProblem {
    SpecProblem::WrongType {
        key: field.key.to_string(),
        expected: if table.repeats() {
            "a list of tables".to_owned()
        } else {
            "a table".to_owned()
        },
        found: describe(found),
        hint: format!("begin it with the line {}", table.header()),
    }
}

/// The type of a value, in words.
pub(super) fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl<'t> Field<'t> {
    /// The problem of a value of the wrong type.
    pub fn wrong_type(self, expected: &str) -> SpecProblem {
        SpecProblem::WrongType {
            key: self.key.to_string(),
            expected: expected.to_owned(),
            found: describe(self.value),
            hint: format!("e.g. {}", self.key.example()),
        }
    }

    /// The items of a list as fields with the same key; a single value counts as a list of one. An empty list is a
    /// fault.
    pub fn items(self) -> Checked<Vec<Field<'t>>> {
        let DeValue::Array(items) = self.value else {
            return Ok(vec![self]);
        };
        if items.is_empty() {
            let problem = SpecProblem::NoValues {
                key: self.key.to_string(),
                what: self.key.noun(),
                example: self.key.example(),
            };
            return Err(problem.at(self.at));
        }
        let field = |item: &'t Spanned<DeValue<'t>>| Field {
            value: item.get_ref(),
            at: item.span().start,
            ..self
        };
        Ok(items.iter().map(field).collect())
    }

    /// The field's text.
    pub fn text(self) -> Checked<&'t str> {
        match self.value {
            DeValue::String(text) => Ok(text),
            _ => Err(self.wrong_type("text in quotes").at(self.at)),
        }
    }

    /// The meaning of a word that must be one of the choices.
    pub fn choice<T: Copy>(self, what: &'static str, choices: &[(&'static str, T)]) -> Checked<T> {
        let text = self.text()?;
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, meaning)) => Ok(*meaning),
            None => Err(self.unknown_name(what, text, &names(choices))),
        }
    }

    /// The problem of a word that is none of the choices.
    pub fn unknown_name(
        self,
        what: &'static str,
        value: &str,
        choices: &[&str],
    ) -> super::fault::Fault {
        SpecProblem::UnknownName {
            key: self.key.to_string(),
            what,
            value: quoted(value),
            hint: suggest::hint(value, "choose from", choices),
        }
        .at(self.at)
    }
}
