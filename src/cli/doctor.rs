//! `ip2p doctor`: what is found, what is missing, what to do.

use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::model::{Fact, FactState, diagnose};
use ip2p_sweep::onnxruntime::Host;

use super::{Error, Exit, render, table};

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
                    FactState::Absent => "none",
                    FactState::Warning => "warning",
                    FactState::Missing => "missing",
                };
                vec![state.to_owned(), fact.topic.to_owned(), fact.detail.clone()]
            })
            .collect();
        render::block(&table::align(&rows));
        for fact in &facts {
            if let Some(remedy) = &fact.remedy {
                render::line(format_args!("{}: {remedy}", fact.topic));
            }
        }
        render::line(format_args!("next: {}", self.next(&facts)));
        let usable = facts.iter().all(|fact| fact.state != FactState::Missing);
        Ok(if usable {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(Exit::NotUsable)
        })
    }

    /// The one thing to do: the remedy of the first thing that is missing, else what a usable machine is for.
    fn next(&self, facts: &[Fact]) -> String {
        let missing = facts.iter().find(|fact| fact.state == FactState::Missing);
        if let Some(remedy) = missing.and_then(|fact| fact.remedy.clone()) {
            return remedy;
        }
        let is_model = facts.iter().any(|fact| fact.topic == "model");
        match (&self.folder, missing) {
            (_, Some(fact)) => format!("mend {}: {}", fact.topic, fact.detail),
            (Some(folder), None) if is_model => format!(
                "ip2p init IMAGE \"make it winter\" --model {}",
                folder.display()
            ),
            (Some(folder), None) => {
                format!(
                    "clip = \"{}\" under [measures] of a sweep file",
                    folder.display()
                )
            }
            (None, None) => {
                "ip2p demo, or ip2p init IMAGE \"make it winter\" for one of your own".to_owned()
            }
        }
    }
}
