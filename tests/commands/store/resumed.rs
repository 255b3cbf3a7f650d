//! Runs that continue where they stopped.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use image::RgbImage;
use ip2p_sweep::store::{Run, StoreError};
use ip2p_sweep::vocabulary::{Record, Status};

use super::fixture::{failed, finished, open, picture, plan, record, record_all, take};
use super::tree::tree;

#[test]
fn a_resumed_run_is_the_same_as_an_uninterrupted_one() {
    let (whole, resumed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = finished(whole.path(), 5);
    let mut run = open(resumed.path(), &plan).unwrap();
    run.record(record(&plan, 3), Some(&picture(3))).unwrap();
    run.record(failed(&plan, 1), None).unwrap();
    drop(run);
    fs::write(resumed.path().join("cells/.ip2p-x1y2z3"), "half").unwrap();
    let mut run = open(resumed.path(), &plan).unwrap();
    assert_eq!(run.pending(), [0, 1, 2, 4]);
    assert_eq!(run.record_of(1).unwrap().status, Status::Failed);
    record_all(&mut run, &plan);
    run.finish().unwrap();
    drop(run);
    assert_eq!(tree(resumed.path()), tree(whole.path()));
}

#[test]
fn a_run_goes_on_after_the_whole_lines_of_a_journal_that_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 3);
    let path = folder.path().join("journal.jsonl");
    let journal = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..journal.len())
        .filter(|&at| journal[at] == b'\n')
        .collect();
    // The tests beside the journal's code try every byte; here the ends of lines and some bytes between suffice.
    let near = |at: usize| ends.iter().any(|end| end.abs_diff(at) < 3);
    for length in (0..=journal.len()).filter(|&at| near(at) || at % 50 == 0) {
        fs::write(&path, &journal[..length]).unwrap();
        // The first line says who writes.
        let whole = ends.iter().filter(|&&end| end < length).count();
        let done = whole.saturating_sub(1);
        assert_eq!(Run::read(folder.path()).unwrap().records.len(), done);
        let mut run = open(folder.path(), &plan).unwrap();
        assert_eq!(run.pending(), (done..3).collect::<Vec<_>>(), "{length}");
        if done < 3 {
            run.record(record(&plan, done), Some(&picture(done)))
                .unwrap();
            assert_eq!(Run::read(folder.path()).unwrap().records.len(), done + 1);
        }
    }
}

#[test]
fn a_line_that_cannot_be_read_costs_its_cell_alone() {
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 3);
    let path = folder.path().join("journal.jsonl");
    let mut lines: Vec<String> = fs::read_to_string(&path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    lines[2] = "{\"cell\": \u{0}".to_owned();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let run = take(folder.path(), &plan).unwrap();
    assert_eq!(run.pending(), [1]);
    assert!(
        run.notes()[0].contains("line 3 cannot be read"),
        "{:?}",
        run.notes()
    );
}

#[test]
fn what_was_made_from_a_run_shows_it_until_a_cell_is_recorded_or_the_plan_changes() {
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 3);
    let view = folder.path().join("view");
    fs::write(&view, "made of three cells").unwrap();
    let shown = || Run::read(folder.path()).unwrap().is_shown_by(&view);
    assert!(shown());
    drop(open(folder.path(), &plan).unwrap());
    assert!(shown(), "nothing was left to do");
    sleep(Duration::from_millis(20));
    let larger = self::plan(4);
    drop(open(folder.path(), &larger).unwrap());
    assert!(!shown(), "the plan has changed");
    sleep(Duration::from_millis(20));
    fs::write(&view, "made of three cells of four").unwrap();
    assert!(shown());
    sleep(Duration::from_millis(20));
    record_all(&mut open(folder.path(), &larger).unwrap(), &larger);
    assert!(!shown(), "a cell was recorded");
    assert!(
        !Run::read(folder.path())
            .unwrap()
            .is_shown_by(&folder.path().join("none"))
    );
}

#[test]
fn a_cell_without_its_whole_image_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 3);
    fs::remove_file(folder.path().join(plan.cells[0].key.image_path())).unwrap();
    let second = folder.path().join(plan.cells[1].key.image_path());
    let bytes = fs::read(&second).unwrap();
    fs::write(&second, &bytes[..bytes.len() - 1]).unwrap();
    let run = open(folder.path(), &plan).unwrap();
    assert_eq!(run.pending(), [0, 1]);
    assert_eq!(
        csv::Reader::from_path(folder.path().join("cells.csv"))
            .unwrap()
            .records()
            .count(),
        1
    );
}

#[test]
fn cells_that_left_the_plan_keep_their_files_and_lose_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    finished(folder.path(), 3);
    let smaller = plan(1);
    let run = open(folder.path(), &smaller).unwrap();
    assert_eq!(run.pending(), [0; 0]);
    drop(run);
    assert_eq!(
        csv::Reader::from_path(folder.path().join("cells.csv"))
            .unwrap()
            .records()
            .count(),
        1
    );
    assert_eq!(
        fs::read_dir(folder.path().join("cells")).unwrap().count(),
        3
    );
    assert_eq!(open(folder.path(), &plan(4)).unwrap().pending(), [3]);
}

#[test]
fn records_that_do_not_fit_the_plan_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(1);
    let mut run = open(folder.path(), &plan).unwrap();
    let mut refused = |record: Record, image: Option<&RgbImage>| {
        let error = run.record(record, image).unwrap_err();
        assert!(matches!(error, StoreError::Record { .. }), "{error}");
    };
    refused(record(&plan, 0), None);
    refused(record(&plan, 0), Some(&RgbImage::new(1, 1)));
    refused(failed(&plan, 0), Some(&picture(0)));
    refused(record(&self::plan(2), 1), Some(&picture(1)));
    assert_eq!(run.pending(), [0]);
}
