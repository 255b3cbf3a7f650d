//! The tables and keys of a sweep file, and their names in messages.

use std::fmt;

use super::definitions::{self, Setting};
use crate::vocabulary::{Parameter, Place};

/// A table of a sweep file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Root,
    Sweep,
    Then,
    Preset,
    Exclude,
    Caption,
    Size,
    Runtime,
    Numerics,
    Measures,
    Sheet,
    Check,
    Ignore,
    Tolerance,
}

impl Table {
    /// All tables but the root, by their keys in the root.
    pub const NAMED: [Self; 11] = [
        Self::Sweep,
        Self::Then,
        Self::Preset,
        Self::Exclude,
        Self::Caption,
        Self::Size,
        Self::Runtime,
        Self::Numerics,
        Self::Measures,
        Self::Sheet,
        Self::Check,
    ];

    /// The tables under `[check]`, by their keys there.
    pub const OF_CHECK: [Self; 2] = [Self::Ignore, Self::Tolerance];

    /// The tables nested in this one.
    pub fn inner(self) -> &'static [Self] {
        match self {
            Self::Root => &Self::NAMED,
            Self::Check => &Self::OF_CHECK,
            Self::Sweep | Self::Then | Self::Preset | Self::Exclude | Self::Caption => &[],
            Self::Size | Self::Runtime | Self::Numerics | Self::Measures | Self::Sheet => &[],
            Self::Ignore | Self::Tolerance => &[],
        }
    }

    /// Its full name, with that of the table around it.
    fn path(self) -> String {
        match self {
            Self::Ignore | Self::Tolerance => format!("{}.{}", Self::Check.name(), self.name()),
            _ => self.name().to_owned(),
        }
    }

    /// The key of the table in the root.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Sweep => "sweep",
            Self::Then => "then",
            Self::Preset => "preset",
            Self::Exclude => "exclude",
            Self::Caption => "caption",
            Self::Size => "size",
            Self::Runtime => "runtime",
            Self::Numerics => "numerics",
            Self::Measures => "measures",
            Self::Sheet => "sheet",
            Self::Check => "check",
            Self::Ignore => "ignore",
            Self::Tolerance => "tolerance",
        }
    }

    /// Whether it is written `[[name]]` and may occur any number of times.
    pub fn repeats(self) -> bool {
        matches!(
            self,
            Self::Then
                | Self::Preset
                | Self::Exclude
                | Self::Caption
                | Self::Ignore
                | Self::Tolerance
        )
    }

    /// Whether it may contain keys of named stages, such as `edit.seed`.
    pub fn takes_stages(self) -> bool {
        matches!(self, Self::Preset | Self::Exclude)
    }

    /// Its header as written in a sweep file.
    pub fn header(self) -> String {
        if self.repeats() {
            format!("[[{}]]", self.path())
        } else {
            format!("[{}]", self.path())
        }
    }

    /// What the table is for, for editors.
    pub fn help(self) -> &'static str {
        match self {
            Self::Root => "A parameter sweep of InstructPix2Pix.",
            Self::Sweep => {
                "What is swept: each key takes one value, a list or a range; more than one value is an axis."
            }
            Self::Then => {
                "The stages that follow, in order: each works on the images of the one before it."
            }
            Self::Preset => {
                "Linked parameters: together one axis named preset. Keys of a stage of a chain by its name: edit.seed = 1."
            }
            Self::Exclude => {
                "Cells to leave out: those that match every key. Keys of a stage of a chain by its name: edit.seed = 1."
            }
            Self::Caption => {
                "What images show before and after an edit, for CLIP's direction similarity. Needs measures.clip."
            }
            Self::Size => "The size of images.",
            Self::Runtime => {
                "How cells are computed; it never changes them. Flags with the same names take precedence."
            }
            Self::Numerics => "What is computed.",
            Self::Measures => "Further measures of finished cells; they never change a cell.",
            Self::Sheet => "The look of contact sheets.",
            Self::Check => "How far a cell may differ from its accepted baseline (ip2p check).",
            Self::Ignore => "Parts of the images that are not judged.",
            Self::Tolerance => "Tolerances for one instruction.",
        }
    }

    /// What a single item of a repeated table is for.
    pub fn item_help(self) -> Option<&'static str> {
        match self {
            Self::Preset => Some(
                "One value of the preset axis. Keys that it leaves out are taken from [sweep].",
            ),
            Self::Then => Some(
                "A stage. Keys that it leaves out have their defaults; the default model is that of the previous stage.",
            ),
            Self::Exclude => Some("Values that all must match."),
            Self::Caption => Some("Captions for one instruction."),
            Self::Ignore => Some("A box, or the white part of a mask."),
            Self::Tolerance => Some("Limits that it leaves out are those of [check]."),
            Self::Root | Self::Sweep | Self::Size | Self::Runtime | Self::Numerics => None,
            Self::Measures | Self::Sheet | Self::Check => None,
        }
    }

    /// What the template says beside its header.
    pub fn note(self) -> &'static str {
        match self {
            Self::Runtime => {
                "how cells are computed, never what they are; flags with the same names win"
            }
            Self::Measures => "further measures of finished cells",
            Self::Check => "how far a cell may differ from its baseline in `ip2p check`",
            Self::Root | Self::Sweep | Self::Then | Self::Preset => "",
            Self::Exclude | Self::Caption | Self::Ignore | Self::Tolerance => "",
            Self::Size | Self::Numerics | Self::Sheet => "",
        }
    }

    /// Its keys that are not parameters.
    pub fn settings(self) -> &'static [&'static Setting] {
        match self {
            Self::Root => definitions::TOP,
            Self::Sweep => definitions::STAGE,
            Self::Then => definitions::THEN,
            Self::Exclude => &[],
            Self::Preset => definitions::PRESET,
            Self::Caption => definitions::CAPTION,
            Self::Size => definitions::SIZE,
            Self::Runtime => definitions::RUNTIME,
            Self::Numerics => definitions::NUMERICS,
            Self::Measures => definitions::MEASURES,
            Self::Sheet => definitions::SHEET,
            Self::Check => definitions::CHECK,
            Self::Ignore => definitions::IGNORE,
            Self::Tolerance => definitions::TOLERANCE,
        }
    }

    /// The parameters that it may set.
    pub fn parameters(self) -> impl Iterator<Item = Parameter> {
        Parameter::DEFINED.into_iter().filter(move |parameter| {
            let place = parameter.definition().place;
            match self {
                Self::Root => place == Place::Top,
                Self::Sweep => place == Place::Sweep,
                // A later stage works on the images of the previous stage.
                Self::Then => place != Place::Presets && *parameter != Parameter::Image,
                Self::Preset => place != Place::Presets,
                Self::Exclude => true,
                Self::Caption | Self::Size | Self::Runtime | Self::Numerics => false,
                Self::Measures | Self::Sheet | Self::Check => false,
                Self::Ignore | Self::Tolerance => false,
            }
        })
    }

    /// Everything that it may contain.
    pub fn entries(self) -> Vec<Entry> {
        let tables = self.inner();
        let settings = self.settings().iter().copied().map(Entry::Setting);
        let parameters = self.parameters().map(Entry::Parameter);
        let tables = tables.iter().copied().map(Entry::Table);
        settings.chain(parameters).chain(tables).collect()
    }

    /// The keys that it may have.
    pub fn keys(self) -> Vec<&'static str> {
        self.entries().into_iter().map(Entry::name).collect()
    }

    /// The entry that a key stands for, aliases included.
    pub fn find(self, key: &str) -> Option<Entry> {
        let mut entries = self.entries().into_iter();
        entries.find(|entry| entry.name() == key || entry.aliases().contains(&key))
    }
}

/// What a key of a table stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Entry {
    Parameter(Parameter),
    Setting(&'static Setting),
    Table(Table),
}

impl Entry {
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameter(parameter) => parameter.key(),
            Self::Setting(setting) => setting.key,
            Self::Table(table) => table.name(),
        }
    }

    /// Other names of the key.
    pub fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Parameter(parameter) => parameter.definition().aliases,
            // A setting that is a parameter elsewhere in the file may use that parameter's other names.
            Self::Setting(setting) => {
                let mut parameters = Parameter::DEFINED.into_iter();
                let same = parameters.find(|parameter| parameter.key() == setting.key);
                same.map_or(&[], |parameter| parameter.definition().aliases)
            }
            Self::Table(_) => &[],
        }
    }
}

impl From<Parameter> for Entry {
    fn from(parameter: Parameter) -> Self {
        Self::Parameter(parameter)
    }
}

impl From<&'static Setting> for Entry {
    fn from(setting: &'static Setting) -> Self {
        Self::Setting(setting)
    }
}

impl From<Table> for Entry {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

/// A key at its place. Displayed as in messages: `guidance_scale`, `runtime.device`, `seed of preset 2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Key {
    pub table: Table,
    /// The number of the table, from 1, if the table repeats.
    pub number: usize,
    pub entry: Entry,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, name) = (self.table, self.entry.name());
        if matches!(table, Table::Root | Table::Sweep) {
            f.write_str(name)
        } else if table.repeats() {
            write!(f, "{name} of {} {}", table.path(), self.number)
        } else {
            write!(f, "{}.{name}", table.name())
        }
    }
}

impl Key {
    /// What its values are, in words.
    pub fn noun(self) -> &'static str {
        match self.entry {
            Entry::Parameter(parameter) => parameter.definition().domain.noun(),
            Entry::Setting(setting) => setting.noun(),
            Entry::Table(_) => "table",
        }
    }

    /// A correct line of TOML with this key.
    pub fn example(self) -> String {
        match self.entry {
            Entry::Parameter(parameter) => {
                format!("{parameter} = {}", parameter.definition().example)
            }
            Entry::Setting(setting) => format!("{} = {}", setting.key, setting.example),
            Entry::Table(table) => table.header(),
        }
    }
}
