//! A check as JUnit XML, which CI services show as tests.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::markdown::measured;
use crate::judge::{CellCheck, Check, Verdict};

/// JUnit XML with a test case for every cell: a failure if it does not pass, an error if it has no image.
pub fn junit(check: &Check) -> String {
    let mut suite = TestSuite::new(check.name.as_str());
    for cell in &check.cells {
        let mut case = TestCase::new(cell.label.as_str(), status(cell));
        case.set_classname(check.name.as_str());
        if let Some(seconds) = cell.seconds {
            case.set_time(Duration::from_secs_f64(seconds.max(0.0)));
        }
        case.add_property(("key", cell.name.as_str()));
        for (name, path) in [("expected", &cell.expected), ("actual", &cell.actual)] {
            if let Some(path) = path {
                case.add_property((name, path.display().to_string().as_str()));
            }
        }
        if cell.early_warning {
            case.set_system_out("early warning: the latents of the first steps changed");
        }
        suite.add_test_case(case);
    }
    let mut report = Report::new("ip2p check");
    report.add_test_suite(suite);
    // Writing to memory fails only for text that XML cannot represent, and the crate removes that.
    report.to_string().unwrap_or_default()
}

fn status(cell: &CellCheck) -> TestCaseStatus {
    if cell.verdict.passes() {
        return TestCaseStatus::success();
    }
    let kind = match cell.verdict {
        Verdict::Error => NonSuccessKind::Error,
        Verdict::Same
        | Verdict::Within
        | Verdict::Drift
        | Verdict::Follows
        | Verdict::Missing
        | Verdict::New
        | Verdict::Stale
        | Verdict::Regression => NonSuccessKind::Failure,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(cell.verdict.name());
    status.set_message(format!("{}: {}", cell.verdict, cell.explanation()));
    status.set_description(measured(cell).join("\n"));
    status
}
