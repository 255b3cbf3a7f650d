//! What can go wrong with a run folder.

use std::io;
use std::path::{Path, PathBuf};

use crate::plan::Shard;
use crate::vocabulary::CellKey;

/// Why a run folder cannot be read or written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StoreError {
    /// The folder has no `plan.json`.
    #[error("{} is not a run folder: it has no plan.json", folder.display())]
    #[diagnostic(help("give the folder that `ip2p run` has written, e.g. results/NAME"))]
    NotARun {
        /// The folder that was named.
        folder: PathBuf,
    },
    /// The content of a file in the run folder is not valid.
    #[error("{} cannot be understood: {reason}", path.display())]
    #[diagnostic(help(
        "it was changed, or written by another version of ip2p; run the sweep again, which makes what it can anew, or into a new folder with --out"
    ))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    #[diagnostic(help("check that the file is there and that you may read it"))]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    #[diagnostic(help("{}", write_remedy(source)))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Another process is writing this run.
    #[error("run folder {} is in use{}", folder.display(), owner(*pid))]
    #[diagnostic(help("wait until the other run has ended, or give another folder with --out"))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The id of the process that holds it, if it is known.
        pid: Option<u32>,
    },
    /// Another process is computing this part of the sweep here.
    #[error("shard {shard} of {} is being run by another process", folder.display())]
    #[diagnostic(help("wait until it has ended, or run another shard"))]
    ShardInUse {
        /// The folder.
        folder: PathBuf,
        /// The part.
        shard: Shard,
    },
    /// The shards in the folder belong to another plan.
    #[error("{} has a run of another plan: {key} differs", folder.display())]
    #[diagnostic(help(
        "run the shards of one sweep with the same files; give another folder with --out for another sweep"
    ))]
    OtherPlan {
        /// The folder.
        folder: PathBuf,
        /// The first key of the plan that differs.
        key: String,
    },
    /// A symbolic link is in the place of a file or folder that the run would write.
    #[error("{} is a symbolic link, which could lead out of the folder", path.display())]
    #[diagnostic(help("remove the link, or give another folder with --out"))]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The folder contains something other than a run.
    #[error("{} is not a run folder and is not empty: it holds {name}", folder.display())]
    #[diagnostic(help("give another folder with --out"))]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// Name of one entry in the folder.
        name: String,
    },
    /// The folder holds the run of another sweep.
    #[error("{} is the run folder of another sweep, {}", folder.display(), sweep.display())]
    #[diagnostic(help(
        "give another folder with --out or another `name` in the sweep file; with --replace this sweep takes the folder over"
    ))]
    OtherSweep {
        /// The folder.
        folder: PathBuf,
        /// The other sweep's file.
        sweep: PathBuf,
    },
    /// The run has no such cell.
    #[error("{} has no cell {cell}", run.display())]
    #[diagnostic(help("cells.csv lists the cells of a run in its first column{suggestion}"))]
    UnknownCell {
        /// The run folder.
        run: PathBuf,
        /// The name that was given.
        cell: String,
        /// The nearest existing name.
        suggestion: String,
    },
    /// The run has no such stage.
    #[error("{} has no stage {stage}", run.display())]
    #[diagnostic(help("its stages are {stages}"))]
    UnknownStage {
        /// The run folder.
        run: PathBuf,
        /// The name that was given.
        stage: String,
        /// Names of the existing stages.
        stages: String,
    },
    /// A record does not belong to the plan, or its image is missing.
    #[error("cell {cell} cannot be recorded: {reason}")]
    #[diagnostic(help("this is a bug in ip2p; please report it"))]
    Record {
        /// Which cell.
        cell: CellKey,
        /// What is wrong.
        reason: &'static str,
    },
    /// The operating system could not start a thread to write images.
    #[error("the operating system cannot start a thread: {source}")]
    #[diagnostic(help(
        "raise the limit of processes and threads (`ulimit -u`, the container's pids limit); what is done is kept"
    ))]
    NoThread {
        /// The operating system's error.
        source: io::Error,
    },
    /// The thread that writes images has panicked.
    #[error("the thread that writes {} ended without a result", folder.display())]
    #[diagnostic(help(
        "this is a bug in ip2p; please report it. What was recorded is safe: run again to resume"
    ))]
    WriterDied {
        /// The run folder.
        folder: PathBuf,
    },
}

impl StoreError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(
        || " by another process".to_owned(),
        |pid| format!(" by process {pid}"),
    )
}

/// The operating system's error behind one that another library has wrapped.
fn kind_of(error: &io::Error) -> io::ErrorKind {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner.map(csv::Error::kind) {
        Some(csv::ErrorKind::Io(inner)) => inner.kind(),
        _ => error.kind(),
    }
}

fn write_remedy(source: &io::Error) -> &'static str {
    match kind_of(source) {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space and run again: finished cells are kept"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "give a folder that you may write to with --out"
        }
        io::ErrorKind::AlreadyExists => "delete it, or name another one with --out",
        _ => "check the folder, or give another one with --out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such_whichever_library_met_it() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let wrapped = io::Error::from(csv::Error::from(full()));
        assert_ne!(wrapped.kind(), io::ErrorKind::StorageFull);
        for error in [full(), wrapped] {
            assert!(
                write_remedy(&error).starts_with("free some space"),
                "{error}"
            );
        }
    }
}
