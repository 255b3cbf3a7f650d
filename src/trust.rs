//! What may be executed and loaded: nothing that happens to be in the current folder.
//!
//! People clone a repository, change into it and run `ip2p`. Python has the current folder first on its path, a search
//! path with an empty entry means it, and so do bare names of libraries: all would run a stranger's files. Every child
//! process is started here, and every library that is opened by its bare name is asked about here.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python that finds its modules where it is installed: started outside the current folder, with the safe path of
/// Python 3.11 and later. It reads no input.
///
/// # Errors
/// If there is no such program on the search path.
pub(crate) fn python(program: &Path) -> io::Result<Command> {
    let mut command = Command::new(find(program, env::var_os("PATH").as_deref())?);
    command
        .current_dir(elsewhere())
        .env("PYTHONSAFEPATH", "1")
        // A module path of one's own may have relative entries, which mean the folder above from now on.
        .stdin(Stdio::null());
    Ok(command)
}

/// This program once more, from the file that the system started. It stays in the current folder, since its arguments are
/// relative to it.
///
/// # Errors
/// If the system does not say which file that is.
pub fn this_program() -> io::Result<Command> {
    env::current_exe().map(Command::new)
}

/// Refuses a bare name that the loader could find in the current folder: where `LD_LIBRARY_PATH` has a relative entry,
/// and an empty one is such. What is given as a path was chosen.
///
/// # Errors
/// If there is such a file, in words.
pub(crate) fn refuse_current_folder(library: &Path) -> Result<(), String> {
    if library.components().count() > 1 {
        return Ok(());
    }
    let paths = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"].map(env::var_os);
    let mut relative = (paths.iter().flatten())
        .flat_map(env::split_paths)
        .filter(|folder| !folder.is_absolute());
    match relative.find(|folder| folder.join(library).exists()) {
        Some(_) => Err(format!(
            "{} lies in the current folder, which LD_LIBRARY_PATH has as a relative or empty entry: it is not loaded",
            library.display()
        )),
        None => Ok(()),
    }
}

/// A program by its path, or by its name on a search path of which only absolute folders count.
fn find(program: &Path, search_path: Option<&OsStr>) -> io::Result<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        return std::path::absolute(program);
    }
    let folders = search_path.into_iter().flat_map(env::split_paths);
    let mut programs = folders.filter(|folder| folder.is_absolute()).map(|folder| {
        folder
            .join(program)
            .with_added_extension(env::consts::EXE_EXTENSION)
    });
    programs
        .find(|program| is_executable(program))
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// A folder that only the system's administrator may write to.
fn elsewhere() -> PathBuf {
    let of_windows = || env::var_os("SystemRoot").map(PathBuf::from);
    match cfg!(windows) {
        true => of_windows().unwrap_or_else(|| PathBuf::from("C:\\Windows")),
        false => PathBuf::from("/"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_is_looked_for_in_absolute_folders_alone() {
        let program = |folder: &Path, mode: u32| -> PathBuf {
            let path = folder.join("python3");
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        program(one.path(), 0o644);
        let found = program(other.path(), 0o755);
        let paths = [Path::new(""), Path::new("."), one.path(), other.path()];
        let search = env::join_paths(paths).unwrap();
        assert_eq!(find(Path::new("python3"), Some(&search)).unwrap(), found);
        // Every folder of this package holds its Cargo.toml; a test runs there.
        assert!(find(Path::new("build.rs"), Some(OsStr::new(":.:src"))).is_err());
        assert!(find(Path::new("python3"), None).is_err());
        assert!(find(Path::new("sub/python3"), None).unwrap().is_absolute());
    }

    #[test]
    fn this_is_the_only_place_that_starts_processes() {
        let mut folders = vec![PathBuf::from("src")];
        let mut others = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "rs")
                    && !path.ends_with("trust.rs")
                {
                    let text = fs::read_to_string(&path).unwrap();
                    let mut lines = text.lines().take_while(|line| !line.contains("mod tests"));
                    if lines.any(|line| line.contains("process::") && line.contains("Command")) {
                        others.push(path);
                    }
                }
            }
        }
        assert!(others.is_empty(), "{others:?}");
    }
}
