//! `ip2p sheet`: draws the contact sheets of a run again, without inference.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use ip2p_sweep::drawing::Format;
use ip2p_sweep::judge::advice::advise;
use ip2p_sweep::spec::{CELL_SIDES, SheetSpec};
use ip2p_sweep::store::{Run, StoreError};
use ip2p_sweep::views::View;
use ip2p_sweep::views::sheet::{ChainSheets, SheetOptions, Sheets};
use ip2p_sweep::vocabulary::{CellKey, Parameter};

use super::{Error, end_with, render};

/// The prefix of file names if only some cells are shown, so that the sheets of all cells stay.
const NAME_OF_CHOSEN: &str = "chosen";

/// `ip2p sheet`.
#[derive(Debug, clap::Args)]
pub struct Sheet {
    /// The run folder
    run: PathBuf,
    /// Stage of a chain, by name [default: the last]
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// Draw the images of each path of a chain side by side, a column a stage
    #[arg(long, conflicts_with_all = ["stage", "rows", "columns", "super_rows", "super_columns", "merge", "panels"])]
    chain: bool,
    /// Axis of the rows, e.g. seed
    #[arg(long, value_name = "AXIS", value_parser = axis)]
    rows: Option<Parameter>,
    /// Axis of the columns
    #[arg(long, value_name = "AXIS", value_parser = axis)]
    columns: Option<Parameter>,
    /// Axis around the rows
    #[arg(long, value_name = "AXIS", value_parser = axis)]
    super_rows: Option<Parameter>,
    /// Axis around the columns
    #[arg(long, value_name = "AXIS", value_parser = axis)]
    super_columns: Option<Parameter>,
    /// Axis shown within each cell as a small grid
    #[arg(long, value_name = "AXIS", value_parser = axis)]
    merge: Option<Parameter>,
    /// Axes whose values are a grid of their own each
    #[arg(long, value_name = "AXIS", num_args = 1.., value_parser = axis)]
    panels: Vec<Parameter>,
    /// Side of a cell in pixels
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(i64::from(CELL_SIDES.0)..=i64::from(CELL_SIDES.1)))]
    cell: Option<u32>,
    /// Leave out the input
    #[arg(long)]
    no_input: bool,
    /// A font file for characters that the embedded font lacks (Chinese, Japanese, Korean, symbols)
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
    /// Show in a corner how long each cell took
    #[arg(long)]
    seconds: bool,
    /// Folder for the sheets [default: `sheets` in the run folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// File format
    #[arg(long, value_enum, default_value_t)]
    format: FormatName,
    /// JPEG quality, 1 to 100 [default: 92]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,
    /// Show only these cells, by their keys in the first column of cells.csv or the beginnings of the keys
    #[arg(long, value_name = "KEY", num_args = 1..)]
    only: Vec<String>,
    /// Prefix of the file names [default: sheet, with --only chosen]
    #[arg(long, value_name = "STEM")]
    name: Option<String>,
}

/// A file format, by its usual name.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum FormatName {
    #[default]
    Png,
    Jpeg,
    Webp,
}

impl Sheet {
    pub fn run(self) -> Result<ExitCode, Error> {
        self.refuse_one_axis_twice();
        let run = Run::read(&self.run)?;
        if self.chain {
            let options = SheetOptions {
                advised: None,
                ..self.options(&run.of_last_stage())?
            };
            render::made(&ChainSheets { run: &run, options }.write()?);
            return Ok(ExitCode::SUCCESS);
        }
        let run = run.stage(self.stage.as_deref())?;
        let options = self.options(&run)?;
        let sheets = Sheets { run: &run, options };
        render::made(&sheets.write()?);
        for (flag, axis) in self.axes().filter(|&(_, axis)| has_one_value(&run, axis)) {
            render::note(&format!(
                "{flag} {axis} does nothing: the run has one {axis} only"
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The axes that were given, each with its flag.
    fn axes(&self) -> impl Iterator<Item = (&'static str, Parameter)> {
        let flags = [
            ("--rows", self.rows),
            ("--columns", self.columns),
            ("--super-rows", self.super_rows),
            ("--super-columns", self.super_columns),
            ("--merge", self.merge),
        ];
        let panels = self.panels.iter().map(|&axis| ("--panels", axis));
        let sides = flags.into_iter();
        sides
            .filter_map(|(flag, axis)| axis.map(|axis| (flag, axis)))
            .chain(panels)
    }

    /// Refuses to use one axis twice: bad usage, with that exit code.
    fn refuse_one_axis_twice(&self) {
        for (index, (flag, axis)) in self.axes().enumerate() {
            if let Some((other, _)) = self.axes().take(index).find(|(_, other)| *other == axis) {
                let told = match other == flag {
                    true => format!("{flag} names {axis} twice"),
                    false => {
                        format!("{other} and {flag} are both {axis}: choose two different axes")
                    }
                };
                let mut command = Self::augment_args(clap::Command::new("ip2p sheet"));
                end_with(&command.error(ErrorKind::ArgumentConflict, told));
            }
        }
    }

    /// The options of the sweep file, overridden by the flags.
    fn options(&self, run: &Run) -> Result<SheetOptions, StoreError> {
        let of_sweep = run.plan.sheet.clone();
        // An axis that a flag has put somewhere stands nowhere else.
        let is_free = |axis: &Parameter| self.axes().all(|(_, given)| given != *axis);
        let free = |axis: Option<Parameter>| axis.filter(is_free);
        let look = SheetSpec {
            rows: self.rows.or(free(of_sweep.rows)),
            columns: self.columns.or(free(of_sweep.columns)),
            super_rows: self.super_rows.or(free(of_sweep.super_rows)),
            super_columns: self.super_columns.or(free(of_sweep.super_columns)),
            merge: self.merge.or(free(of_sweep.merge)),
            panels: match self.panels.is_empty() {
                true => of_sweep.panels.into_iter().filter(is_free).collect(),
                false => self.panels.clone(),
            },
            cell: self.cell.and_then(NonZeroU32::new).unwrap_or(of_sweep.cell),
            show_input: of_sweep.show_input && !self.no_input,
            font: self.font.clone().or(of_sweep.font),
        };
        let chosen = self.only.iter().map(|name| run.cell(name).cloned());
        let chosen: HashSet<CellKey> = chosen.collect::<Result<_, _>>()?;
        let only = (!chosen.is_empty()).then_some(chosen);
        let usual_name = only.as_ref().map(|_| NAME_OF_CHOSEN.to_owned());
        Ok(SheetOptions {
            look: Some(look),
            format: match self.format {
                FormatName::Png => Format::Png,
                FormatName::Jpeg => Format::Jpeg,
                FormatName::Webp => Format::WebP,
            },
            quality: self.quality,
            name: self.name.clone().or(usual_name),
            seconds: self.seconds,
            folder: self.out.clone(),
            only,
            ..SheetOptions::outlining(&advise(run))
        })
    }
}

fn has_one_value(run: &Run, parameter: Parameter) -> bool {
    let mut values = run
        .plan
        .cells
        .iter()
        .map(|cell| cell.parameters.text(parameter));
    let first = values.next();
    values.all(|value| Some(value) == first)
}

/// Parses an axis from its key.
pub fn axis(text: &str) -> Result<Parameter, String> {
    let keys = Parameter::ALL.map(Parameter::key).join(", ");
    Parameter::from_key(text).ok_or(format!("expected one of {keys}"))
}
