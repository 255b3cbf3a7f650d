//! The files of a run, for comparing two of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every file of a run by name, without times and environment (`finished`, `save_ms`).
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    pub fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, files);
            } else {
                let bytes = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files);
    let plan: serde_json::Value = serde_json::from_slice(&files[Path::new("plan.json")]).unwrap();
    files.insert("plan.json".into(), plan["plan"].to_string().into_bytes());
    files.insert("cells.csv".into(), without_times(&folder.join("cells.csv")));
    files.remove(Path::new("journal.jsonl")).unwrap();
    files.remove(Path::new("cells.parquet")).unwrap();
    files
}

pub fn without_times(table: &Path) -> Vec<u8> {
    let mut reader = csv::Reader::from_path(table).unwrap();
    let kept: Vec<usize> = reader
        .headers()
        .unwrap()
        .iter()
        .enumerate()
        .filter(|(_, name)| !["save_ms", "total_ms", "finished", "run"].contains(name))
        .map(|(index, _)| index)
        .collect();
    let rows = reader.records().map(Result::unwrap);
    rows.flat_map(|row| {
        kept.iter()
            .map(|&index| row[index].to_owned() + "\n")
            .collect::<String>()
            .into_bytes()
    })
    .collect()
}
