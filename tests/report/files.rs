//! The files in the report's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ip2p_sweep::views::report::write_report;

use crate::fixture::{Sweep, fail};

#[test]
fn a_report_written_again_is_the_same_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let run = Sweep::default().done(folder.path());
    write_report(&run).unwrap();
    let once = tree(&folder.path().join("report"));
    write_report(&run).unwrap();
    assert_eq!(tree(&folder.path().join("report")), once);
    let names: Vec<_> = once.keys().map(String::as_str).collect();
    assert_eq!(names, ["index.html", "report.js", "style.css"]);
}

#[test]
fn the_page_names_no_path_of_the_machine_and_loads_nothing_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let index = write_report(&Sweep::default().done(folder.path())).unwrap();
    for (name, bytes) in tree(index.parent().unwrap()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(folder.path().to_str().unwrap()), "{name}");
        let addresses = text.matches("http").count() - text.matches("http-equiv").count();
        assert_eq!(
            addresses,
            text.matches("http://www.w3.org/2000/svg").count(),
            "{name}"
        );
    }
}

#[test]
fn threads_that_were_left_to_the_runtime_are_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Sweep::default().done(folder.path());
    for (threads, words) in [(0, "one a physical core"), (2, "2")] {
        run.environment.threads = threads;
        let page = fs::read_to_string(write_report(&run).unwrap()).unwrap();
        let told = format!("<dt>threads</dt><dd><bdi>{words}</bdi></dd>");
        assert!(page.contains(&told), "{told}");
    }
}

#[test]
fn large_cells_have_thumbnails() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = Sweep {
        size: (640, 320),
        seeds: vec![1],
        instructions: vec!["x"],
        ..Sweep::default()
    };
    let run = sweep.done(folder.path());
    let report = write_report(&run).unwrap().parent().unwrap().to_owned();
    let thumbnail =
        image::open(report.join(format!("thumbs/{}.jpg", run.plan.cells[0].key))).unwrap();
    assert_eq!((thumbnail.width(), thumbnail.height()), (320, 160));
}

#[test]
fn inputs_are_those_of_the_run_folder_and_one_that_it_lacks_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = Sweep::default().done(folder.path());
    let page = || fs::read_to_string(write_report(&run).unwrap()).unwrap();
    let file = run
        .inputs()
        .find(run.plan.cells[0].fitted().unwrap())
        .unwrap();
    assert!(page().contains(&format!("\"file\":\"../{file}\"")));
    fs::write(folder.path().join(&file), "cut short").unwrap();
    assert!(page().contains(&format!("\"missing\":\"the run folder lacks {file}\"")));
}

#[test]
fn a_cell_whose_image_is_broken_does_not_hinder_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = Sweep {
        size: (640, 320),
        seeds: vec![1],
        instructions: vec!["x"],
        ..Sweep::default()
    };
    let mut run = sweep.done(folder.path());
    fs::write(
        folder.path().join(run.plan.cells[0].key.image_path()),
        b"not a picture",
    )
    .unwrap();
    fail(&mut run, 1, "NaN in step 3");
    let index = write_report(&run).unwrap();
    let thumbnails = fs::read_dir(index.with_file_name("thumbs"))
        .unwrap()
        .count();
    assert_eq!(thumbnails, run.plan.cells.len() - 2);
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_folder_is_refused() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let run = Sweep::default().done(folder.path());
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("report")).unwrap();
    let error = write_report(&run).unwrap_err().to_string();
    assert!(error.contains("is a symbolic link"), "{error}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

/// Files below a folder, by name.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(
                tree(&path)
                    .into_iter()
                    .map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)),
            );
        } else {
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}
