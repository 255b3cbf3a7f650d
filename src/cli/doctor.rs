//! `ip2p doctor`: what is found, what is missing, what to do.

use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::Error;
use ip2p_sweep::model::{FactState, diagnose};
use ip2p_sweep::onnxruntime::Host;

use super::{render, table};

/// `ip2p doctor`.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// A model or CLIP folder to look at, too
    folder: Option<PathBuf>,
}

impl Doctor {
    pub fn run(self, library: Option<PathBuf>) -> Result<ExitCode, Error> {
        let facts = diagnose(&Host::current(library), self.folder.as_deref());
        let rows: Vec<Vec<String>> = facts
            .iter()
            .map(|fact| {
                let state = match fact.state {
                    FactState::Ok => "ok",
                    FactState::Warning => "warning",
                    FactState::Missing => "missing",
                };
                vec![state.to_owned(), fact.topic.to_owned(), fact.detail.clone()]
            })
            .collect();
        render::print(&table::align(&rows));
        for fact in &facts {
            if let Some(remedy) = &fact.remedy {
                render::line(format_args!("{}: {remedy}", fact.topic));
            }
        }
        let usable = facts.iter().all(|fact| fact.state != FactState::Missing);
        Ok(if usable {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(Error::NOT_USABLE)
        })
    }
}
