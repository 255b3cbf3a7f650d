//! The "begin" lines of a journal: each tells what process wrote the records after it, and with what.

use std::env;
use std::fs;

use serde::{Deserialize, Serialize};

use super::Environment;
use crate::plan::{Plan, Shard};

/// How such a line starts; a record starts with its cell.
pub(super) const MARK: &[u8] = b"{\"begin\":";

/// Environment variables in which cluster schedulers give a process the name of its job.
const JOBS: [&str; 4] = [
    "SLURM_JOB_ID",
    "AWS_BATCH_JOB_ID",
    "SKYPILOT_TASK_ID",
    "CI_JOB_ID",
];

/// What the records that follow were made with, up to the next begin line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// The digest of the plan ([`Plan::digest`]).
    pub plan: String,
    /// Program, library and device.
    pub environment: Environment,
    /// The part of the plan, such as `3/8`, if the process works beside others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// The host name, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The job's name in the cluster scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// The line as it is written.
#[derive(Debug, Serialize)]
pub(super) struct BeginLine<'a> {
    pub(super) begin: &'a Begin,
}

/// The line as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct ReadBeginLine {
    pub(super) begin: Begin,
}

impl Begin {
    /// The begin line of this process.
    pub(super) fn new(plan: &Plan, environment: &Environment, shard: Option<Shard>) -> Self {
        Self::of(plan.digest(), environment, shard)
    }

    /// As [`Begin::new`], with the digest of the plan.
    pub(super) fn of(plan: String, environment: &Environment, shard: Option<Shard>) -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            plan,
            environment: environment.clone(),
            shard: shard.map(|shard| shard.to_string()),
            host: host(),
            job: JOBS.into_iter().find_map(set),
        }
    }
}

/// The host name of this machine.
pub(super) fn host() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| env::var("COMPUTERNAME").ok());
    let name = name.map(|name| name.trim().to_owned());
    name.filter(|name| !name.is_empty())
}
