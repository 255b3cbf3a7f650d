//! Finds out which part of a sweep a cluster scheduler gives this process (`--shard auto`).
//!
//! This is done only on request: a job array over several sweep files must not be cut behind the user's back.

use std::str::FromStr;

use crate::plan::{ParseShardError, Shard};

/// `--shard`: the part to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardChoice {
    /// `k/n`: the part is given.
    Given(Shard),
    /// `auto`: both numbers come from the scheduler.
    Auto,
    /// `auto/n`: the index comes from the scheduler.
    AutoOf(usize),
}

/// Why the scheduler's environment variables do not identify a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ArrayError {
    /// No known scheduler is present.
    #[error("--shard auto finds no array: none of {} is set", indices())]
    #[diagnostic(help("it is for tasks of an array; elsewhere give the part, e.g. --shard 1/4"))]
    NoArray,
    /// Variables of two schedulers are set, one running inside the other.
    #[error("--shard auto does not know which array is meant: {one} and {other} are both set")]
    #[diagnostic(help("give the part, e.g. --shard $(({one} + 1))/8"))]
    Several {
        /// A variable of one.
        one: &'static str,
        /// A variable of the other.
        other: &'static str,
    },
    /// The scheduler does not give the number of tasks.
    #[error("{index} is set, but nothing says how many parts there are")]
    #[diagnostic(help("say it: --shard auto/8"))]
    NoCount {
        /// The variable of the index.
        index: &'static str,
    },
    /// Part of an array, or an array with gaps.
    #[error("this array runs the tasks {first} to {last}, and only {count} of them")]
    #[diagnostic(help(
        "to keep the cut when part of an array is resubmitted, give the number of all parts: --shard auto/N"
    ))]
    Gaps {
        /// The lowest index.
        first: usize,
        /// The highest.
        last: usize,
        /// The number of tasks.
        count: usize,
    },
    /// The index is beyond the last part.
    #[error("{index} is {value}, which is none of {count} parts counted from {first}")]
    #[diagnostic(help("give the part, e.g. --shard 1/{count}"))]
    Outside {
        /// The variable of the index.
        index: &'static str,
        /// Its value.
        value: usize,
        /// The number of parts.
        count: usize,
        /// The scheduler's first index.
        first: usize,
    },
    /// A variable does not hold a number.
    #[error("{variable} is {value:?}, which is not a number")]
    #[diagnostic(help("give the part, e.g. --shard 1/4"))]
    NoNumber {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
}

/// How a scheduler tells a task its index.
struct Scheduler {
    index: &'static str,
    count: Option<&'static str>,
    /// The first index; in Slurm the user chooses it.
    first: usize,
}

const SLURM: Scheduler = Scheduler {
    index: "SLURM_ARRAY_TASK_ID",
    count: Some("SLURM_ARRAY_TASK_COUNT"),
    first: 0,
};

/// The supported schedulers, according to their documentation.
const SCHEDULERS: [Scheduler; 5] = [
    SLURM,
    // Kubernetes Indexed Jobs.
    Scheduler {
        index: "JOB_COMPLETION_INDEX",
        count: None,
        first: 0,
    },
    // AWS Batch array jobs.
    Scheduler {
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        count: Some("AWS_BATCH_JOB_ARRAY_SIZE"),
        first: 0,
    },
    // `sky jobs launch --num-jobs`.
    Scheduler {
        index: "SKYPILOT_JOB_RANK",
        count: Some("SKYPILOT_NUM_JOBS"),
        first: 0,
    },
    // GitLab's `parallel` jobs.
    Scheduler {
        index: "CI_NODE_INDEX",
        count: Some("CI_NODE_TOTAL"),
        first: 1,
    },
];

fn indices() -> String {
    SCHEDULERS.map(|scheduler| scheduler.index).join(", ")
}

impl ShardChoice {
    /// Finds the part, using the environment variables if needed.
    ///
    /// # Errors
    /// If a scheduler is needed and its variables are missing or make no sense.
    pub fn resolve(
        self,
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Shard, ArrayError> {
        let wanted = match self {
            Self::Given(shard) => return Ok(shard),
            Self::Auto => None,
            Self::AutoOf(count) => Some(count),
        };
        let number = |name: &'static str| match variable(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => match value.trim().parse::<usize>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(ArrayError::NoNumber {
                    variable: name,
                    value,
                }),
            },
        };
        let mut found: Option<(Scheduler, usize)> = None;
        for scheduler in SCHEDULERS {
            if let Some(index) = number(scheduler.index)? {
                if let Some((one, _)) = found {
                    return Err(ArrayError::Several {
                        one: one.index,
                        other: scheduler.index,
                    });
                }
                found = Some((scheduler, index));
            }
        }
        let (mut scheduler, value) = found.ok_or(ArrayError::NoArray)?;
        let told = scheduler.count.map(&number).transpose()?.flatten();
        if scheduler.index == SLURM.index {
            scheduler.first = slurm_first(wanted, told, number)?;
        }
        let index = scheduler.index;
        let count = wanted.or(told).ok_or(ArrayError::NoCount { index })?;
        let part = value.checked_sub(scheduler.first);
        part.and_then(|part| Shard::of(part, count))
            .ok_or(ArrayError::Outside {
                index,
                value,
                count,
                first: scheduler.first,
            })
    }
}

/// The first index of a Slurm array. A whole array gives it. An array of which a part was resubmitted does not: then it
/// is taken to be 0 if the number of parts was given, and refused otherwise.
fn slurm_first(
    wanted: Option<usize>,
    told: Option<usize>,
    number: impl Fn(&'static str) -> Result<Option<usize>, ArrayError>,
) -> Result<usize, ArrayError> {
    let first = number("SLURM_ARRAY_TASK_MIN")?;
    let last = number("SLURM_ARRAY_TASK_MAX")?;
    let (Some(first), Some(last), Some(count)) = (first, last, told) else {
        return Ok(0);
    };
    let whole = last.checked_sub(first).map(|span| span + 1) == Some(count);
    match wanted {
        Some(wanted) if whole && wanted == count => Ok(first),
        Some(_) => Ok(0),
        None if whole => Ok(first),
        None => Err(ArrayError::Gaps { first, last, count }),
    }
}

impl FromStr for ShardChoice {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Self, ParseShardError> {
        match text.strip_prefix("auto") {
            Some("") => Ok(Self::Auto),
            Some(count) => {
                let count = count.strip_prefix('/').and_then(|count| count.parse().ok());
                let count = count.filter(|&count| Shard::of(0, count).is_some());
                count.map(Self::AutoOf).ok_or(ParseShardError)
            }
            None => text.parse().map(Self::Given),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The requested shard, the variables that are set, and the expected result.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

    fn resolve(choice: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let choice: ShardChoice = choice.parse().unwrap();
        let shard = choice.resolve(variable);
        shard
            .map(|shard| shard.to_string())
            .map_err(|error| error.to_string())
    }

    fn slurm<'a>(
        id: &'a str,
        min: &'a str,
        max: &'a str,
        count: &'a str,
    ) -> [(&'a str, &'a str); 4] {
        [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", min),
            ("SLURM_ARRAY_TASK_MAX", max),
            ("SLURM_ARRAY_TASK_COUNT", count),
        ]
    }

    #[test]
    fn each_scheduler_is_understood_as_it_counts() {
        let cases: [Case; 7] = [
            ("auto", &slurm("2", "0", "3", "4"), "3/4"),
            ("auto", &slurm("2", "1", "4", "4"), "2/4"),
            ("auto/8", &[("JOB_COMPLETION_INDEX", "0")], "1/8"),
            (
                "auto",
                &[
                    ("AWS_BATCH_JOB_ARRAY_INDEX", "9"),
                    ("AWS_BATCH_JOB_ARRAY_SIZE", "10"),
                ],
                "10/10",
            ),
            (
                "auto",
                &[("SKYPILOT_JOB_RANK", "1"), ("SKYPILOT_NUM_JOBS", "2")],
                "2/2",
            ),
            (
                "auto",
                &[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "3")],
                "1/3",
            ),
            ("2/5", &[("CI_NODE_INDEX", "1")], "2/5"),
        ];
        for (choice, variables, shard) in cases {
            assert_eq!(
                resolve(choice, variables).as_deref(),
                Ok(shard),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn a_part_of_an_array_that_is_submitted_again_keeps_its_cut_or_is_refused() {
        let again = slurm("7", "3", "7", "2");
        assert_eq!(
            resolve("auto", &again).unwrap_err(),
            "this array runs the tasks 3 to 7, and only 2 of them"
        );
        assert_eq!(resolve("auto/24", &again).as_deref(), Ok("8/24"));
        let one = slurm("7", "7", "7", "1");
        assert_eq!(resolve("auto/24", &one).as_deref(), Ok("8/24"));
        let from_one = slurm("24", "1", "24", "24");
        assert_eq!(resolve("auto/24", &from_one).as_deref(), Ok("24/24"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let cases: [Case; 6] = [
            ("auto", &[], "finds no array"),
            ("auto", &[("CI_NODE_INDEX", "")], "finds no array"),
            (
                "auto",
                &[("JOB_COMPLETION_INDEX", "0")],
                "nothing says how many",
            ),
            (
                "auto/4",
                &[("JOB_COMPLETION_INDEX", "4")],
                "is 4, which is none of 4 parts counted from 0",
            ),
            (
                "auto/4",
                &[("JOB_COMPLETION_INDEX", "0"), ("CI_NODE_INDEX", "1")],
                "both set",
            ),
            ("auto", &[("CI_NODE_INDEX", "first")], "not a number"),
        ];
        for (choice, variables, said) in cases {
            let error = resolve(choice, variables).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        for wrong in ["auto/0", "auto/", "auto3", "automatic", "AUTO"] {
            assert!(wrong.parse::<ShardChoice>().is_err(), "{wrong}");
        }
    }
}
