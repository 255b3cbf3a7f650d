//! `ip2p schema`.

use std::process::ExitCode;

use ip2p_sweep::spec;

use super::events::{self, Event, SchemaOf};
use super::{Error, output};

/// `ip2p schema`.
#[derive(Debug, clap::Args)]
pub struct Schema {
    /// The schema of a line of `--json` instead
    #[arg(long)]
    events: bool,
}

impl Schema {
    pub fn run(self) -> Result<ExitCode, Error> {
        let (of, text) = match self.events {
            true => ("events", events::schema()),
            false => ("sweep", spec::schema()),
        };
        match events::are_wanted() {
            // Both are JSON objects.
            true => events::emit(Event::Schema(SchemaOf {
                of: of.to_owned(),
                schema: serde_json::from_str(&text).unwrap_or_default(),
            })),
            false => output::print(&text),
        }
        Ok(ExitCode::SUCCESS)
    }
}
