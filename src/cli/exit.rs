//! The program's exit codes in one list, and the code for each outcome and error.

use std::process::ExitCode;

use ip2p_sweep::bench::BenchError;
use ip2p_sweep::export::ExportError;
use ip2p_sweep::judge::{Conclusion, JudgeError};
use ip2p_sweep::runner::{Outcome, RunnerError};
use ip2p_sweep::store::StoreError;
use ip2p_sweep::views::animation::AnimationError;
use ip2p_sweep::views::compare::CompareError;
use ip2p_sweep::views::sheet::SheetError;

use super::Error;

/// The program's exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The request was carried out.
    Done = 0,
    /// A failure during the work.
    Failed = 1,
    /// Bad usage, or an invalid sweep file.
    BadUsage = 2,
    /// The runtime, the device or the model cannot be used.
    NotUsable = 3,
    /// A check found a regression.
    Regression = 10,
    /// A check found cells to accept, or there is nothing that could be accepted.
    ToAccept = 11,
    /// Some cells failed; the others have images.
    SomeCellsFailed = 12,
    /// Stopped on request: the code that shells expect after SIGINT.
    Interrupted = 130,
}

impl Exit {
    /// The code as a number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Interrupted => Self::Interrupted,
            Outcome::Complete { failed: 0, .. } => Self::Done,
            Outcome::Complete { done: 0, .. } => Self::Failed,
            Outcome::Complete { .. } => Self::SomeCellsFailed,
        }
    }
}

impl From<Conclusion> for Exit {
    fn from(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::Passed => Self::Done,
            Conclusion::ToAccept => Self::ToAccept,
            Conclusion::CellsFailed => Self::SomeCellsFailed,
            Conclusion::Regression => Self::Regression,
        }
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::Runner(error) => error.into(),
            Error::Store(error) => error.into(),
            Error::Judge(error) => error.into(),
            Error::Spec(_)
            | Error::Image(_)
            | Error::Array(_)
            | Error::Refine(_)
            | Error::Animation(AnimationError::OneFrame { .. })
            | Error::Export(ExportError::Exists { .. } | ExportError::NoModel { .. })
            | Error::Sheet(SheetError::Font { .. })
            | Error::Compare(CompareError::NothingInCommon { .. } | CompareError::Foreign { .. })
            | Error::Bench(BenchError::Size { .. }) => Self::BadUsage,
            Error::Bench(BenchError::Place(error)) => error.into(),
            Error::Model(_)
            | Error::Runtime(_)
            | Error::Export(_)
            | Error::Bench(BenchError::Model(_)) => Self::NotUsable,
            Error::Compare(_)
            | Error::Animation(_)
            | Error::Sheet(_)
            | Error::Report(_)
            | Error::Bundled(_) => Self::Failed,
        }
    }
}

impl From<&RunnerError> for Exit {
    fn from(error: &RunnerError) -> Self {
        match error {
            RunnerError::Spec(_)
            | RunnerError::Image(_)
            | RunnerError::Plan(_)
            | RunnerError::Scheduler(_)
            | RunnerError::Merge(_) => Self::BadUsage,
            RunnerError::Model(_) | RunnerError::Runtime(_) => Self::NotUsable,
            RunnerError::Store(error) => error.into(),
            RunnerError::Shelf(_) => Self::Failed,
        }
    }
}

impl From<&StoreError> for Exit {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::UnknownCell { .. }
            | StoreError::UnknownStage { .. }
            | StoreError::NotARun { .. }
            | StoreError::OtherSweep { .. }
            | StoreError::OtherPlan { .. } => Self::BadUsage,
            StoreError::Malformed { .. }
            | StoreError::Read { .. }
            | StoreError::Write { .. }
            | StoreError::Locked { .. }
            | StoreError::ShardInUse { .. }
            | StoreError::Link { .. }
            | StoreError::Foreign { .. }
            | StoreError::Record { .. }
            | StoreError::NoThread { .. }
            | StoreError::WriterDied { .. } => Self::Failed,
        }
    }
}

impl From<&JudgeError> for Exit {
    fn from(error: &JudgeError) -> Self {
        match error {
            JudgeError::Run(_)
            | JudgeError::InCi
            | JudgeError::NobodyToAsk
            | JudgeError::IsRun { .. }
            | JudgeError::Foreign { .. } => Self::BadUsage,
            JudgeError::NothingDone { .. } => Self::ToAccept,
            JudgeError::Malformed { .. }
            | JudgeError::NewerFormat { .. }
            | JudgeError::Image { .. }
            | JudgeError::Read { .. }
            | JudgeError::Write { .. }
            | JudgeError::Page(_)
            | JudgeError::NoImage { .. }
            | JudgeError::Difference { .. }
            | JudgeError::Report { .. }
            | JudgeError::Summary { .. } => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn what_is_no_place_for_a_baseline_is_bad_usage() {
        let folder = PathBuf::from("photos");
        let name = "holiday.png".to_owned();
        let run = JudgeError::IsRun {
            folder: folder.clone(),
        };
        for error in [run, JudgeError::Foreign { folder, name }] {
            assert_eq!(Exit::from(&Error::from(error)), Exit::BadUsage);
        }
    }
}
