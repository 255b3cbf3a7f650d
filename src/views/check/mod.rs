//! The output of a check: a page for reviewing it, a sheet, JUnit XML, Markdown, annotations and a table.

mod annotations;
mod junit;
mod markdown;
mod page;
mod pictures;
mod sheet;
mod table;
mod write;

pub use annotations::annotations;
pub use junit::junit;
pub use markdown::{SUMMARY_BYTES, summary};
pub use write::{Checked, accept_command, forget};
