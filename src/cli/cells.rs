//! `ip2p table`: writes the table of a run's cells again, for a spreadsheet or a notebook.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::error::ErrorKind;
use ip2p_sweep::judge::advice::advise;
use ip2p_sweep::store::{CellTable, Run, StoreError, write_file};

use super::events::{self, Event, Row, TableEnd};
use super::{Error, end_with, output, render};

/// `ip2p table`.
#[derive(Debug, clap::Args)]
pub struct Table {
    /// The run folder
    run: PathBuf,
    /// File to write, NAME.csv or NAME.parquet [default: print CSV]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Begin the CSV with a byte order mark, by which spreadsheets recognise UTF-8
    #[arg(long)]
    utf8_mark: bool,
}

/// The file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Parquet,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

impl Table {
    pub fn run(self) -> Result<ExitCode, Error> {
        let format = self.format();
        let run = Run::read(&self.run)?;
        let told = advise(&run.of_last_stage()).for_tables();
        let table = CellTable::of(&run, &told);
        let path = self.out.as_deref();
        if events::are_wanted() && path.is_none() {
            emit_event(&table, None);
            table
                .values()
                .for_each(|values| events::emit(Event::Row(Row { values })));
            return Ok(ExitCode::SUCCESS);
        }
        let mut bytes = Vec::new();
        let written = match (format, self.utf8_mark) {
            (Format::Parquet, _) => table.write_parquet(&mut bytes),
            (Format::Csv, true) => table.write_marked_csv(&mut bytes),
            (Format::Csv, false) => table.write_csv(&mut bytes),
        };
        written.map_err(|source| StoreError::Write {
            path: path.unwrap_or(&self.run).to_owned(),
            source,
        })?;
        match path {
            Some(path) => {
                write_file(path, &bytes)?;
                match events::are_wanted() {
                    true => emit_event(&table, Some((path, format))),
                    false => render::line(format_args!("{}", path.display())),
                }
            }
            None => output::print_data(&String::from_utf8_lossy(&bytes)),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The format that the file's extension stands for; any other extension is bad usage.
    fn format(&self) -> Format {
        let Some(out) = &self.out else {
            return Format::Csv;
        };
        let told = match (Self::ending(out), self.utf8_mark) {
            (Some("csv"), _) => return Format::Csv,
            (Some("parquet"), false) => return Format::Parquet,
            (Some("parquet"), true) => "--utf8-mark is for CSV: Parquet is UTF-8 by itself",
            _ => "--out must end with .csv or .parquet, which selects the format",
        };
        let mut command = Self::augment_args(clap::Command::new("ip2p table"));
        end_with(&command.error(ErrorKind::ValueValidation, told))
    }

    fn ending(path: &Path) -> Option<&str> {
        path.extension()?.to_str()
    }
}

/// Emits the event about the table.
fn emit_event(table: &CellTable, written: Option<(&Path, Format)>) {
    events::emit(Event::Table(TableEnd {
        file: written.map(|(path, _)| path.display().to_string()),
        format: written.map(|(_, format)| format.name().to_owned()),
        columns: table.columns().map(str::to_owned).collect(),
        rows: table.values().count(),
    }));
}
