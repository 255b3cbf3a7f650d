//! Recording on a separate thread.

use std::fs;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use ip2p_sweep::store::Writer;

use super::fixture::{open, picture, plan, record};

#[test]
fn the_writer_records_in_order_and_gives_the_folder_back() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(40);
    let saved = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&saved);
    let run = open(folder.path(), &plan).unwrap();
    let writer = Writer::start(run, move |record| {
        seen.lock().unwrap().push(record.cell.clone())
    })
    .unwrap();
    for cell in (0..40).rev() {
        let image = Arc::new(picture(cell));
        assert_eq!(
            writer.submit(record(&plan, cell), Some(image)),
            ControlFlow::Continue(())
        );
    }
    let run = writer.finish().unwrap();
    assert_eq!(run.pending(), [0; 0]);
    let order: Vec<_> = plan
        .cells
        .iter()
        .rev()
        .map(|cell| cell.key.clone())
        .collect();
    assert_eq!(*saved.lock().unwrap(), order);
}

#[test]
fn the_writer_stops_at_the_first_error_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(100);
    let run = open(folder.path(), &plan).unwrap();
    // A folder that cannot be replaced is in the place of the third image.
    fs::create_dir_all(
        folder
            .path()
            .join(plan.cells[2].key.image_path())
            .join("in the way"),
    )
    .unwrap();
    let writer = Writer::start(run, |_| {}).unwrap();
    let handed = (0..100).find(|&cell| {
        writer
            .submit(record(&plan, cell), Some(Arc::new(picture(cell))))
            .is_break()
    });
    assert!(handed.is_some_and(|cell| cell < 40), "{handed:?}");
    let error = writer.finish().unwrap_err();
    assert!(
        error.to_string().contains(plan.cells[2].key.as_str()),
        "{error}"
    );
    assert_eq!(open(folder.path(), &plan).unwrap().pending()[0], 2);
}
