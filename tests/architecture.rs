//! The layers of the program: a folder of `src` may import only from folders below its own.
//!
//! Both `use` lines and paths in code count; comments, and tests inside the folders, do not. Because all imports point
//! down, there are no circles between folders.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// From top to bottom.
const LAYERS: [&str; 29] = [
    "main",
    "fuzzing",
    "cli",
    "bench",
    "runner",
    "views",
    "judge",
    "export",
    "drawing",
    "store",
    "engine",
    "model",
    "onnxruntime",
    "plan",
    "spec",
    "pipeline",
    "image",
    "diffusion",
    "meter",
    "vocabulary",
    "bundled",
    "cache",
    "listing",
    "parallel",
    "digest",
    "guard",
    "lfs",
    "stamp",
    "trust",
];

/// A file, its layer, and the layers that its code names.
struct Source {
    path: PathBuf,
    layer: String,
    imports: Vec<String>,
}

#[test]
fn every_import_looks_down() {
    let mut upward = Vec::new();
    for source in sources() {
        let own = height(&source.layer);
        let imports = source.imports.iter().filter(|import| height(import) <= own);
        upward.extend(imports.map(|import| format!("{} imports {import}", source.path.display())));
    }
    assert!(upward.is_empty(), "look up:\n{}", upward.join("\n"));
}

#[test]
fn an_import_is_found_however_it_is_written() {
    let found = |path: &str, code: &str| imports(Path::new(path), code);
    assert_eq!(found("plan/grid.rs", "use crate::spec::Fit;"), ["spec"]);
    assert_eq!(found("plan/mod.rs", "use super::store::Run;"), ["store"]);
    assert_eq!(
        found("plan/grid.rs", "fn f(x: super::super::store::Run) {}"),
        ["store"]
    );
    assert_eq!(
        found("plan/grid.rs", "use crate::{store::Run, spec::Fit};"),
        ["spec", "store"]
    );
    let none: [&str; 0] = [];
    assert_eq!(
        found("plan/grid.rs", "use super::cell::Cell; // crate::store"),
        none
    );
    assert_eq!(
        found(
            "plan/grid.rs",
            "#[cfg(test)]\nmod tests {\nuse crate::store;\n}"
        ),
        none
    );
    assert_eq!(
        found("plan/grid.rs", "use crate::plan::Cell;"),
        none,
        "its own"
    );
}

/// The position from the top; fails for an unknown folder.
fn height(layer: &str) -> usize {
    let position = LAYERS.iter().position(|known| *known == layer);
    position.unwrap_or_else(|| panic!("{layer} has no place among the layers"))
}

/// All files of `src` except those that are tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(&root).unwrap().to_owned();
                files.push((relative, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let tests: Vec<PathBuf> = files.iter().flat_map(test_modules).collect();
    files.retain(|(path, _)| {
        let module = path.with_extension("");
        path != Path::new("lib.rs") && !tests.iter().any(|test| module.starts_with(test))
    });
    assert!(files.len() > 100, "the sources were found");
    let sources = files.into_iter().map(|(path, code)| Source {
        layer: layer_of(&path),
        imports: imports(&path, &code),
        path,
    });
    sources.collect()
}

/// The modules that a file declares only for tests, as paths without extension.
fn test_modules((path, code): &(PathBuf, String)) -> Vec<PathBuf> {
    let folder = match path.file_name() {
        Some(name) if name == "mod.rs" => path.parent().unwrap().to_owned(),
        _ => path.with_extension(""),
    };
    let declared = code.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let (declaration, _) = rest.split_once(';')?;
        let (_, name) = declaration.split_once("mod ")?;
        Some(folder.join(name))
    });
    declared.collect()
}

/// The folder or file of `src` that contains a path.
fn layer_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str();
    first.to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The other layers that the code of a file names.
fn imports(path: &Path, code: &str) -> Vec<String> {
    let own = layer_of(path);
    let code = code.split("mod tests {").next().unwrap_or_default();
    let code: String = code
        .lines()
        .map(without_comment)
        .collect::<Vec<_>>()
        .join("\n");
    // `src/plan/grid.rs` is two modules below the root, `src/plan/mod.rs` one.
    let modules = path.components().count() - usize::from(path.ends_with("mod.rs"));
    let mut found: Vec<String> = ["crate::".to_owned(), "super::".repeat(modules)]
        .iter()
        .flat_map(|root| rests(&code, root))
        .flat_map(named)
        .filter(|layer| *layer != own && *layer != "super")
        .collect();
    found.sort();
    found.dedup();
    found
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// The text after each path that begins at the root.
fn rests<'c>(code: &'c str, root: &str) -> Vec<&'c str> {
    let starts = code.match_indices(root);
    let starts =
        starts.filter(|(at, _)| !code[..*at].ends_with(|c: char| c == ':' || c.is_alphanumeric()));
    starts.map(|(at, _)| &code[at + root.len()..]).collect()
}

/// The first name of a path, or of each path in braces.
fn named(rest: &str) -> Vec<String> {
    let mut paths = vec![String::new()];
    match rest.strip_prefix('{') {
        None => paths = vec![rest.to_owned()],
        Some(braced) => {
            let mut depth = 0;
            for c in braced.chars() {
                match c {
                    '}' if depth == 0 => break,
                    ',' if depth == 0 => paths.push(String::new()),
                    _ => {
                        depth += i32::from(c == '{') - i32::from(c == '}');
                        paths.last_mut().unwrap().push(c);
                    }
                }
            }
        }
    }
    let name = |path: &String| -> String {
        let letters = path.trim_start().chars();
        let name = letters.take_while(|c| c.is_alphanumeric() || *c == '_');
        name.collect()
    };
    let names = paths.iter().map(name);
    names.filter(|name| !name.is_empty()).collect()
}
