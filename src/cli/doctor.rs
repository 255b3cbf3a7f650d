//! `ip2p doctor`: what is installed, what is missing, and what to do.

use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::model::{Fact, FactState, diagnose};
use ip2p_sweep::onnxruntime::Host;

use super::events::{self, Event};
use super::{Error, Exit, LibraryFlag, render, table};

/// `ip2p doctor`.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// A model or CLIP folder to check as well
    folder: Option<PathBuf>,
    #[command(flatten)]
    library: LibraryFlag,
}

impl Doctor {
    pub fn run(self) -> Result<ExitCode, Error> {
        let facts = diagnose(
            &Host::current(self.library.onnxruntime.clone()),
            self.folder.as_deref(),
        );
        let usable = facts.iter().all(|fact| fact.state != FactState::Missing);
        let next = self.next(&facts);
        match events::are_wanted() {
            true => events::emit(Event::Doctor(events::Doctor {
                facts: facts.iter().map(as_event).collect(),
                usable,
                next,
            })),
            false => print(&facts, &next),
        }
        Ok(if usable {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(Exit::NotUsable)
        })
    }

    /// The next thing to do: the remedy for the first thing that is missing, or else what a working machine is good
    /// for.
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
                render::shell_word(&folder.display().to_string())
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

fn print(facts: &[Fact], next: &str) {
    let row = |fact: &Fact| {
        let state = state(fact.state).to_owned();
        vec![state, fact.topic.to_owned(), fact.detail.clone()]
    };
    let rows: Vec<Vec<String>> = facts.iter().map(row).collect();
    render::block(&table::align(&rows));
    for fact in facts {
        if let Some(remedy) = &fact.remedy {
            render::line(format_args!("{}: {remedy}", fact.topic));
        }
    }
    render::line(format_args!("next: {next}"));
}

fn state(state: FactState) -> &'static str {
    match state {
        FactState::Ok => "ok",
        FactState::Absent => "none",
        FactState::Warning => "warning",
        FactState::Missing => "missing",
    }
}

/// The fact as an event.
fn as_event(fact: &Fact) -> events::Fact {
    events::Fact {
        topic: fact.topic.to_owned(),
        state: state(fact.state).to_owned(),
        detail: fact.detail.clone(),
        remedy: fact.remedy.clone(),
    }
}
