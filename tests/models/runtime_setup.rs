//! Fetching ONNX Runtime when something is missing; a script stands in for `python3`.

#![cfg(unix)]

use crate::common;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ip2p_sweep::onnxruntime::{
    ExecutionDevice, Host, RuntimeError, SetupEvent, Wanted, locate, resolve_device, setup,
};
use ip2p_sweep::spec::Device;
use miette::Diagnostic;
use tempfile::TempDir;

/// A host whose Python is a shell script, with an empty cache.
fn host(folder: &TempDir, script: &str) -> Host {
    let python = folder.path().join("python3");
    fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    Host {
        python,
        cache: Some(folder.path().join("cache")),
        ..Host::default()
    }
}

/// A pip that answers `--version` and then runs `download`, with the download folder in `$dest` and the log in `$log`.
fn pip(download: &str) -> String {
    format!(
        r#"case "$3" in --version) echo "pip 24.0"; exit 0;; esac
while [ $# -gt 0 ]; do
  [ "$1" = --dest ] && dest="$2"
  [ "$1" = --log ] && log="$2"
  shift
done
{download}"#
    )
}

/// The error of a setup with this script for Python; nothing may be left in the cache.
fn refusal(script: &str) -> RuntimeError {
    let folder = tempfile::tempdir().unwrap();
    let host = host(&folder, script);
    let error = setup(&host, Wanted::Cpu, &mut |_| {}).unwrap_err();
    assert!(error.help().is_some(), "{error} has no remedy");
    assert!(matches!(locate(&host), Err(RuntimeError::NotFound)));
    let left = fs::read_dir(folder.path().join("cache")).map_or(0, |entries| {
        entries
            .filter(|entry| entry.as_ref().unwrap().file_name() != ".lock")
            .count()
    });
    assert_eq!(left, 0, "{error}");
    error
}

#[test]
fn offline_forbids_fetching() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host {
        offline: true,
        ..host(&folder, "exit 1")
    };
    let error = setup(&host, Wanted::Cpu, &mut |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "IP2P_OFFLINE is set, so nothing is fetched"
    );
}

#[test]
fn a_missing_python_and_a_missing_pip_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host {
        python: folder.path().join("nowhere"),
        ..host(&folder, "")
    };
    let error = setup(&host, Wanted::Cpu, &mut |_| {}).unwrap_err();
    assert!(matches!(error, RuntimeError::NoPython { .. }), "{error}");

    let error = refusal("echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    assert!(matches!(error, RuntimeError::NoPip { .. }), "{error}");
    assert!(
        error.to_string().ends_with("No module named pip"),
        "{error}"
    );
}

#[test]
fn failures_of_pip_are_told_apart() {
    let say = |text: &str| pip(&format!("echo \"{text}\" >&2; exit 1"));
    let error = refusal(&say(
        "WARNING: Retrying after connection broken by 'NewConnectionError: Temporary failure in name resolution'\nERROR: No matching distribution found for onnxruntime==1.32.0",
    ));
    assert!(matches!(error, RuntimeError::Network { .. }), "{error}");
    let error = refusal(&say(
        "ERROR: No matching distribution found for onnxruntime==1.32.0",
    ));
    assert!(matches!(error, RuntimeError::NoWheel { .. }), "{error}");
    let error = refusal(&say("OSError: [Errno 28] No space left on device"));
    assert!(matches!(error, RuntimeError::DiskFull { .. }), "{error}");
    let error = refusal(&say("ERROR: something else"));
    assert_eq!(
        error.to_string(),
        "pip cannot download onnxruntime==1.32.0: ERROR: something else"
    );
}

#[test]
fn a_network_that_is_tried_only_once_is_seen_in_pips_log() {
    // What pip 23.2 prints with PIP_RETRIES=0.
    let said = |not_fetched: &str| {
        pip(&format!(
            "echo '2026-11-25T18:11:02,202 Could not fetch URL https://pypi.org/simple/onnxruntime/: {not_fetched} - skipping' > \"$log\"
             echo 'ERROR: No matching distribution found for onnxruntime==1.32.0' >&2; exit 1"
        ))
    };
    let error = refusal(&said(
        "connection error: HTTPSConnectionPool(): Max retries exceeded",
    ));
    assert_eq!(
        error.to_string(),
        "the package index cannot be reached for onnxruntime==1.32.0: https://pypi.org/simple/onnxruntime/: \
         connection error: HTTPSConnectionPool(): Max retries exceeded"
    );
    let error = refusal(&said("404 Client Error: Not Found"));
    assert!(matches!(error, RuntimeError::NoWheel { .. }), "{error}");
}

#[test]
fn a_wheel_that_is_not_the_pinned_one_is_refused() {
    let error = refusal(&pip("echo forged > \"$dest/onnxruntime-1.32.0.whl\""));
    assert!(matches!(error, RuntimeError::Checksum { .. }), "{error}");
    let error = refusal(&pip("exit 0"));
    assert!(matches!(error, RuntimeError::NoWheel { .. }), "{error}");
}

#[test]
fn a_cache_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let host = Host {
        cache: Some(file.join("cache")),
        ..host(&folder, &pip("exit 1"))
    };
    let error = setup(&host, Wanted::Cpu, &mut |_| {}).unwrap_err();
    assert!(matches!(error, RuntimeError::Cache { .. }), "{error}");
    let host = Host {
        cache: None,
        ..host
    };
    let error = setup(&host, Wanted::Cpu, &mut |_| {}).unwrap_err();
    assert!(matches!(error, RuntimeError::NoCache), "{error}");
}

#[test]
fn a_cache_that_is_not_whole_is_fetched_again_and_a_whole_one_is_not() {
    let runtime = common::runtime();
    let library = &runtime.located().path;
    let folder = tempfile::tempdir().unwrap();
    let host = host(&folder, &pip("echo 'connection refused' >&2; exit 1"));
    let cached = folder.path().join("cache/onnxruntime-1.32.0-cpu");
    fs::create_dir_all(&cached).unwrap();
    let name = library.file_name().unwrap();
    fs::copy(library, cached.join(name)).unwrap();
    let set_up = || {
        let mut damaged = Vec::new();
        let located = setup(&host, Wanted::Cpu, &mut |event| {
            if let SetupEvent::Damaged { file } = event {
                damaged.push(file);
            }
        });
        (located, damaged)
    };
    let sums = cached.join("SHA256SUMS");
    let (refused, damaged) = set_up();
    assert!(matches!(refused, Err(RuntimeError::Network { .. })));
    assert_eq!(damaged.as_slice(), std::slice::from_ref(&sums));

    let mut listing = Command::new("sha256sum");
    let listed = listing.arg(name).current_dir(&cached).output().unwrap();
    fs::write(&sums, listed.stdout).unwrap();
    let (found, damaged) = set_up();
    assert_eq!(found.unwrap().path, cached.join(name));
    assert_eq!(damaged, Vec::<PathBuf>::new());

    // A new file in its place, because this process has loaded the first.
    fs::remove_file(cached.join(name)).unwrap();
    fs::write(cached.join(name), "cut off").unwrap();
    let (refused, damaged) = set_up();
    assert!(matches!(refused, Err(RuntimeError::Network { .. })));
    assert_eq!(damaged, [cached.join(name)]);
}

/// A library that exports the same function as ONNX Runtime and claims to be version 1.20.1; `None` without a C
/// compiler.
fn old_library(folder: &Path) -> Option<()> {
    compiled(
        folder,
        r#"static const char *version(void) { return "1.20.1"; }
           static const void *api(unsigned v) { (void)v; return 0; }
           static const struct { const void *(*a)(unsigned); const char *(*b)(void); } base = { api, version };
           const void *OrtGetApiBase(void) { return &base; }"#,
    )
}

/// A library of this source that is called as ONNX Runtime's is.
fn compiled(folder: &Path, source: &str) -> Option<()> {
    let text = source;
    let source = folder.join("library.c");
    fs::write(&source, text).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(folder.join("libonnxruntime.so"))
        .arg(&source)
        .status()
        .ok()?;
    compiled.success().then_some(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_that_is_too_old_is_refused_with_its_version() {
    let folder = tempfile::tempdir().unwrap();
    if old_library(folder.path()).is_none() {
        return;
    }
    let given = Host {
        onnxruntime: Some(folder.path().to_owned()),
        ..Host::default()
    };
    let message = locate(&given).unwrap_err().to_string();
    assert!(
        message.ends_with("is ONNX Runtime 1.20.1; 1.24 or newer is needed"),
        "{message}"
    );
    // If it was found rather than given, it is skipped for a better one.
    let runtime = common::runtime();
    let found = Host {
        libraries: vec![
            folder.path().to_owned(),
            runtime.located().path.parent().unwrap().to_owned(),
        ],
        ..host(&folder, "exit 1")
    };
    assert_eq!(locate(&found).unwrap().path, runtime.located().path);
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_without_an_api_is_an_error_and_not_called() {
    for (source, reason) in [
        ("int x;", "it does not export OrtGetApiBase"),
        ("const void *OrtGetApiBase(void) { return 0; }", "it has no API"),
        (
            "static const void *none[2]; const void *OrtGetApiBase(void) { return none; }",
            "it has no API",
        ),
        (
            "static const void *api(unsigned v) { return 0; } static const void *some[2] = { api };
             const void *OrtGetApiBase(void) { return some; }",
            "it has no version",
        ),
        (
            "static const void *api(unsigned v) { return 0; } static const char *version(void) { return 0; }
             static const void *some[2] = { api, version }; const void *OrtGetApiBase(void) { return some; }",
            "it has no version",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        if compiled(folder.path(), source).is_none() {
            return;
        }
        let given = Host {
            onnxruntime: Some(folder.path().to_owned()),
            ..Host::default()
        };
        let message = locate(&given).unwrap_err().to_string();
        assert!(message.ends_with(&format!("cannot be loaded: {reason}")), "{message}");
    }
}

#[test]
fn pythons_package_is_found_without_importing_it() {
    let runtime = common::runtime();
    let site = tempfile::tempdir().unwrap();
    let package = site.path().join("onnxruntime");
    fs::create_dir_all(package.join("capi")).unwrap();
    let name = runtime.located().path.file_name().unwrap();
    fs::copy(&runtime.located().path, package.join("capi").join(name)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = format!("[ \"$1\" = -c ] && echo '{}'", package.display());
    let located = locate(&host(&folder, &script)).unwrap();
    assert_eq!(located.path, package.join("capi").join(name));
    assert_eq!(located.source.to_string(), "Python package");
}

#[test]
fn a_cpu_build_refuses_cuda_but_auto_goes_to_the_cpu() {
    let runtime = common::runtime();
    let mut located = runtime.located().clone();
    if located
        .path
        .with_file_name("libonnxruntime_providers_cuda.so")
        .exists()
    {
        let folder = tempfile::tempdir().unwrap();
        located.path = folder.path().join("libonnxruntime.so");
    }
    let error = resolve_device(Device::Named(ExecutionDevice::Cuda(0)), &located).unwrap_err();
    assert!(
        matches!(error, RuntimeError::NoCudaProvider { .. }),
        "{error}"
    );
    assert!(
        error
            .help()
            .unwrap()
            .to_string()
            .contains("ip2p setup --cuda")
    );
    let resolved = resolve_device(Device::Auto, &located).unwrap();
    assert_eq!(resolved.device, ExecutionDevice::Cpu);
}

#[cfg(target_os = "linux")]
#[test]
fn a_damaged_library_in_the_cache_is_told_and_not_mapped() {
    use ip2p_sweep::model::{FactState, diagnose};
    let library = common::library().path;
    let folder = tempfile::tempdir().unwrap();
    let host = host(&folder, "exit 1");
    let cached = folder.path().join("cache/onnxruntime-1.32.0-cpu");
    fs::create_dir_all(&cached).unwrap();
    let file = cached.join(library.file_name().unwrap());
    fs::copy(&library, &file).unwrap();
    let listed = Command::new("sha256sum")
        .arg(library.file_name().unwrap())
        .current_dir(&cached)
        .output()
        .unwrap();
    fs::write(cached.join("SHA256SUMS"), listed.stdout).unwrap();
    assert_eq!(locate(&host).unwrap().path, file);
    assert!(cached.join("STAMPS").is_file());

    // Everybody may write to it.
    for path in [folder.path().join("cache"), cached.clone(), file.clone()] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o002)).unwrap();
        let error = locate(&host).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{} is not loaded: everybody may write to it",
                path.display()
            )
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    let whole = fs::read(&library).unwrap();
    let write = |bytes: &[u8]| {
        // Not changed in place, because this process may have it mapped.
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    };
    write(&whole[..whole.len() / 3]);
    let refused = locate(&host).unwrap_err();
    assert!(
        matches!(&refused, RuntimeError::Damaged { file: damaged } if *damaged == file),
        "{refused}"
    );
    assert!(refused.help().unwrap().to_string().contains("ip2p setup"));
    // A library that the user names is checked against its own header.
    let given = Host {
        onnxruntime: Some(file.clone()),
        ..host.clone()
    };
    let refused = locate(&given).unwrap_err().to_string();
    assert!(refused.contains("it is truncated: it has"), "{refused}");

    // `ip2p doctor` finds a changed byte even if size and time are the same.
    write(&whole);
    assert_eq!(locate(&host).unwrap().path, file);
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    let mut turned = whole.clone();
    turned[whole.len() / 2] ^= 1;
    write(&turned);
    let open = fs::File::options().write(true).open(&file).unwrap();
    open.set_modified(time).unwrap();
    let fact = diagnose(&host, None).remove(0);
    assert_eq!(fact.state, FactState::Missing, "{fact:?}");
    assert!(fact.detail.contains("is missing or damaged"), "{fact:?}");
}
