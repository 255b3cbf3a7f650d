//! This program's folder in the user's cache, for what it has fetched or unpacked and could fetch or unpack again.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// `XDG_CACHE_HOME/ip2p-sweep`, or the system's equivalent; `None` if the system has none.
pub(crate) fn folder() -> Option<PathBuf> {
    let given = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    home(&given).map(|home| home.join("ip2p-sweep"))
}

/// The cache folder according to the XDG base directories, or their equivalents elsewhere. As in XDG, relative paths
/// are ignored.
fn home(given: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| {
        given(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let system = || {
        if cfg!(windows) {
            absolute("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            absolute("HOME").map(|home| home.join("Library/Caches"))
        } else {
            absolute("HOME").map(|home| home.join(".cache"))
        }
    };
    absolute("XDG_CACHE_HOME").or_else(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_cache_home_is_void() {
        let given = |name: &str| match name {
            "XDG_CACHE_HOME" => Some(OsString::from("relative")),
            "HOME" | "LOCALAPPDATA" => Some(OsString::from(if cfg!(windows) {
                "C:\\home"
            } else {
                "/home/user"
            })),
            _ => None,
        };
        let home = super::home(&given).unwrap();
        assert!(home.is_absolute());
        assert_ne!(home, PathBuf::from("relative"));
    }
}
