//! What was typed: the tables and fields of a sweep file with their places; keys are known, values not looked at.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::keys::{Key, Table};
use super::suggest;

/// A value under a key.
#[derive(Clone, Copy)]
pub(super) struct Field<'t> {
    pub key: Key,
    pub value: &'t DeValue<'t>,
    /// Byte where the value begins.
    pub at: usize,
}

/// One table of the file.
#[derive(Default)]
pub(super) struct Section<'t> {
    /// Which of the tables, from 1, if they repeat.
    pub number: usize,
    /// Byte where the table begins, if it is there.
    pub at: Option<usize>,
    fields: Vec<Field<'t>>,
}

impl<'t> Section<'t> {
    pub fn get(&self, name: &str) -> Option<Field<'t>> {
        self.fields
            .iter()
            .find(|field| field.key.name == name)
            .copied()
    }

    pub fn fields(&self) -> &[Field<'t>] {
        &self.fields
    }
}

/// A sweep file as typed.
#[derive(Default)]
pub(super) struct RawSweep<'t> {
    pub root: Section<'t>,
    pub sweep: Section<'t>,
    pub presets: Vec<Section<'t>>,
    pub excludes: Vec<Section<'t>>,
    pub captions: Vec<Section<'t>>,
    pub size: Section<'t>,
    pub runtime: Section<'t>,
    pub numerics: Section<'t>,
    pub measures: Section<'t>,
    pub sheet: Section<'t>,
    pub check: Section<'t>,
}

impl<'t> RawSweep<'t> {
    /// Sorts a TOML document into tables and fields; unknown keys are faults.
    pub fn new(document: &'t DeTable<'t>, faults: &mut Faults) -> Self {
        let mut raw = Self {
            root: section(Table::Root, 1, None, document, faults),
            ..Self::default()
        };
        for table in Table::NAMED {
            let Some(field) = raw.root.get(table.name()) else {
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
                    Table::Preset => raw.presets.push(section),
                    Table::Exclude => raw.excludes.push(section),
                    Table::Caption => raw.captions.push(section),
                    Table::Size => raw.size = section,
                    Table::Runtime => raw.runtime = section,
                    Table::Numerics => raw.numerics = section,
                    Table::Measures => raw.measures = section,
                    Table::Sheet => raw.sheet = section,
                    Table::Check => raw.check = section,
                }
            }
        }
        raw
    }
}

/// The fields of a table.
fn section<'t>(
    table: Table,
    number: usize,
    at: Option<usize>,
    entries: &'t DeTable<'t>,
    faults: &mut Faults,
) -> Section<'t> {
    let keys = table.keys();
    let mut fields = Vec::new();
    for (typed, value) in entries {
        let typed_name: &str = typed.get_ref();
        match keys.iter().find(|name| **name == typed_name) {
            Some(&name) => fields.push(Field {
                key: Key {
                    table,
                    number,
                    name,
                },
                value: value.get_ref(),
                at: value.span().start,
            }),
            None => faults.push(unknown_key(typed_name, table).at(typed.span().start)),
        }
    }
    Section { number, at, fields }
}

fn unknown_key(typed: &str, table: Table) -> SpecProblem {
    let home = [Table::Root]
        .into_iter()
        .chain(Table::NAMED)
        .find(|other| *other != table && other.keys().contains(&typed) && !other.repeats());
    let hint = match home {
        Some(Table::Root) => format!("{typed} stands at the top of the file, above all [tables]"),
        Some(home) => format!("{typed} belongs under {}", home.header()),
        None => suggest::hint(typed, "known keys", &table.keys()),
    };
    SpecProblem::UnknownKey {
        key: quoted(typed),
        place: match table {
            Table::Root => "at the top of the file".to_owned(),
            _ => format!("in {}", table.header()),
        },
        hint,
    }
}

type Entries<'t> = (usize, &'t DeTable<'t>);

/// The table under `[name]`.
fn one_table<'t>(field: Field<'t>, table: Table) -> Checked<Entries<'t>> {
    match field.value {
        DeValue::Table(entries) => Ok((field.at, entries)),
        other => Err(not_a_table(field, table, other).at(field.at)),
    }
}

/// The tables under `[[name]]`.
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

/// What a value is, in words.
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
    /// The fault of a value of the wrong type.
    pub fn wrong_type(self, expected: &str) -> SpecProblem {
        SpecProblem::WrongType {
            key: self.key.to_string(),
            expected: expected.to_owned(),
            found: describe(self.value),
            hint: format!("e.g. {}", self.key.example()),
        }
    }

    /// The values of a list as fields of the same key, or the one value. An empty list is a fault.
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

    /// Its text.
    pub fn text(self) -> Checked<&'t str> {
        match self.value {
            DeValue::String(text) => Ok(text),
            _ => Err(self.wrong_type("text in quotes").at(self.at)),
        }
    }

    /// One of a few words.
    pub fn choice(self, what: &'static str, choices: &[&str]) -> Checked<&'t str> {
        let text = self.text()?;
        if choices.contains(&text) {
            return Ok(text);
        }
        Err(self.unknown_name(what, text, choices))
    }

    /// The fault of a word that is none of the choices.
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
