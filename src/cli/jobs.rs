//! `ip2p jobs`: prints a script or manifest that runs a sweep on a cluster. It is for a person to read, change and
//! submit: this program does not talk to cluster schedulers.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use ip2p_sweep::spec::SweepSpec;
use minijinja::{Environment, context};
use serde_json::Value;

use super::events::{self, Event, JobScript};
use super::{Error, output, shard_count};

const SLURM: &str = include_str!("jobs/slurm.sh");
const KUBERNETES: &str = include_str!("jobs/kubernetes.yaml");

/// The most tasks that run at the same time.
const AT_ONCE: usize = 8;

/// The longest job name: pods append the index and more, and their names are limited to 63 characters.
const JOB_NAME: usize = 40;

/// `ip2p jobs`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("scheduler").required(true))]
pub struct Jobs {
    /// The sweep file
    sweep: PathBuf,
    /// Print a script that submits a Slurm array
    #[arg(long, group = "scheduler")]
    slurm: bool,
    /// Print a manifest of an Indexed Job
    #[arg(long, group = "scheduler")]
    kubernetes: bool,
    /// Number of shards; three to five for each GPU keep all of them busy to the end
    #[arg(long, value_name = "N", value_parser = shard_count())]
    shards: NonZeroUsize,
    /// Run folder, visible to all nodes [default: results/NAME under the current folder, or beside the sweep file on
    /// the volume]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Container image
    #[arg(long, default_value = "ip2p:cuda", requires = "kubernetes")]
    image: String,
}

impl Jobs {
    pub fn run(self) -> Result<ExitCode, Error> {
        let spec = SweepSpec::read(&self.sweep)?;
        let script = match self.slurm {
            true => self.slurm(&spec),
            false => self.kubernetes(&spec),
        };
        match events::are_wanted() {
            true => events::emit(Event::Jobs(script)),
            false => output::print(&script.text),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn slurm(&self, spec: &SweepSpec) -> JobScript {
        let out = self.out.clone();
        let out = whole(&out.unwrap_or_else(|| Path::new("results").join(&spec.name)));
        let mut logs = out.clone().into_os_string();
        logs.push(".logs");
        let sweep = whole(&self.sweep);
        let script = JobScript {
            scheduler: "slurm".to_owned(),
            file: format!("{}.slurm.sh", spec.name),
            sweep: sweep.display().to_string(),
            out: out.display().to_string(),
            image: None,
            ..self.script(spec)
        };
        script.filled(
            SLURM,
            context! { sweep => for_shell(&sweep), out => for_shell(&out), logs => for_shell(Path::new(&logs)) },
        )
    }

    fn kubernetes(&self, spec: &SweepSpec) -> JobScript {
        let file = self.sweep.file_name().unwrap_or_default();
        let script = JobScript {
            scheduler: "kubernetes".to_owned(),
            file: format!("{}.yaml", spec.name),
            sweep: format!("/sweeps/{}", file.to_string_lossy()),
            out: match &self.out {
                Some(out) => out.display().to_string(),
                None => format!("/sweeps/results/{}", spec.name),
            },
            image: Some(self.image.clone()),
            ..self.script(spec)
        };
        let words = context! {
            sweep => for_yaml(&script.sweep), out => for_yaml(&script.out), image => for_yaml(&self.image),
        };
        script.filled(KUBERNETES, words)
    }

    /// What is the same for both schedulers.
    fn script(&self, spec: &SweepSpec) -> JobScript {
        let shards = self.shards.get();
        JobScript {
            name: spec.name.clone(),
            job: job_name(&spec.name),
            shards,
            at_once: shards.min(AT_ONCE),
            ..JobScript::default()
        }
    }
}

impl JobScript {
    /// Fills in a template; the words are already quoted for its language. Templates and values are this program's own,
    /// and tests check that they fit.
    fn filled(self, template: &str, words: minijinja::Value) -> Self {
        let values = context! {
            name => &self.name, file => &self.file, job => &self.job, shards => self.shards, at_once => self.at_once,
            ..words
        };
        let filled = Environment::new().render_named_str("jobs", template, values);
        let text = filled.expect("the templates name these values alone") + "\n";
        Self { text, ..self }
    }
}

/// The absolute path, as the other nodes have it.
fn whole(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Quoted as a single word for a shell.
fn for_shell(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Quoted as a single YAML string; JSON strings are valid YAML.
fn for_yaml(text: &str) -> String {
    Value::from(text).to_string()
}

/// A name that both schedulers accept: lower-case letters, digits and dashes.
fn job_name(name: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '-',
    };
    let name: String = name.chars().map(plain).take(JOB_NAME).collect();
    let name = name.trim_matches('-');
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => name.to_owned(),
        false => format!("ip2p-{name}").trim_end_matches('-').to_owned(),
    }
}
