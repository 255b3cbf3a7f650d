//! What may be executed and loaded: nothing that happens to be in the current folder.
//!
//! People clone a repository, change into it and run `ip2p`. Python puts the current folder first on its path, an empty
//! entry in a search path means the current folder, and bare names of libraries may be found there: each of these would
//! run a stranger's files. Therefore every child process is started here, and every library to be opened by its bare
//! name is checked here.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python that looks for modules only where it is installed: started outside the current folder, with the safe path
/// of Python 3.11 and later, and without standard input.
///
/// # Errors
/// If there is no such program on the search path.
pub(crate) fn python(program: &Path) -> io::Result<Command> {
    let mut command = Command::new(find(program, env::var_os("PATH").as_deref())?);
    command
        .current_dir(elsewhere())
        .env("PYTHONSAFEPATH", "1")
        // A user's module path may have relative entries, which now refer to another folder.
        .stdin(Stdio::null());
    Ok(command)
}

/// This program again, from the file that the system started. It keeps the current folder, because its arguments are
/// relative to that.
///
/// # Errors
/// If the system does not say which file that is.
pub fn this_program() -> io::Result<Command> {
    env::current_exe().map(Command::new)
}

/// Refuses a bare library name that the loader could find in the current folder, which it would if `LD_LIBRARY_PATH`
/// has a relative or empty entry. A name with a path was chosen by the user.
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

/// A program by its path, or by its name on a search path, of which only absolute folders are searched.
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

/// A folder to which only the system's administrator may write.
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
        // Every folder of this package has its Cargo.toml, and tests run in one.
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
