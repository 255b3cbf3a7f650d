//! The run folder: journal, atomic files, locks, PNG metadata and tables.
//!
//! A [`RunFolder`] writes and is held by one process at a time; a [`Run`] only reads, even while another process
//! writes. The journal alone says what is done. A cell's line is appended after its image is safely in place, so a run
//! may be killed at any moment.

mod begin;
mod columns;
mod environment;
mod error;
mod files;
mod folder;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod held;
mod images;
mod inputs;
mod journal;
mod journals;
mod lock;
mod owner;
mod parquet;
mod plan_file;
mod png;
mod records;
mod regular;
mod renamed;
mod run;
mod shelf;
mod table;
mod tables;
mod verified;
mod writer;

pub use environment::Environment;
pub use error::StoreError;
pub use files::{
    is_unfinished, make_folder, refuse_link, write as write_file, write_new as write_new_file,
    write_to_last,
};
pub use folder::RunFolder;
pub use held::{HeldFolder, Hold};
pub use images::BadImage;
pub use inputs::{Inputs, MissingInput};
pub use journals::Repeated;
pub use lock::Lock;
pub use plan_file::Planned;
pub use records::Records;
pub use regular::{open as open_file, read as read_file};
pub use run::Run;
pub use shelf::DiskShelf;
pub(crate) use table::{Rounded as CsvNumber, Text as CsvText, text as csv_text, to_csv};
pub use tables::{AdviceColumns, CellTable};
pub use writer::Writer;
