//! File systems without locks or links: the user is told, and nothing is lost.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::contains;

use crate::common::place::Place;
use crate::merged::{assert_same_run, images, place, run};

/// Functions of the C library that fail as on such file systems, in place of the originals.
const REFUSED: &str = r#"
#include <errno.h>
#include <stdlib.h>
static int refuse(int number) { errno = number; return -1; }
int flock(int file, int how) { (void)file; (void)how; return refuse(ENOLCK); }
int link(const char *from, const char *to) { (void)from; (void)to; return refuse(EOPNOTSUPP); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
  (void)a; (void)from; (void)b; (void)to; (void)flags;
  return refuse(EOPNOTSUPP);
}
"#;

/// A filter of system calls, set before the program begins: nothing but a plain rename puts a file in place.
const PLAIN_RENAME_ONLY: &str = r#"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
__attribute__((constructor)) static void refuse(void) {
  struct sock_filter calls[] = {
    LOAD(nr),
#ifdef SYS_link
    SKIP_UNLESS(SYS_link, 1), RETURN(SECCOMP_RET_ERRNO | EPERM),
#endif
    SKIP_UNLESS(SYS_linkat, 1), RETURN(SECCOMP_RET_ERRNO | EPERM),
    SKIP_UNLESS(SYS_renameat2, 3), LOAD(args[4]),
    SKIP_UNLESS(1 /* RENAME_NOREPLACE */, 1), RETURN(SECCOMP_RET_ERRNO | EINVAL),
    RETURN(SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = { sizeof calls / sizeof calls[0], calls };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) abort();
}
"#;

/// A library that is loaded before the C library, built here.
fn refusing(place: &Place, refused: &str) -> PathBuf {
    let (source, library) = (place.path("refused.c"), place.path("refused.so"));
    fs::write(&source, refused).unwrap();
    Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source)
        .assert()
        .success();
    library
}

#[test]
fn shards_where_there_are_no_locks_and_no_links_lose_nothing_and_say_so() {
    let place = place();
    run(&place, &["--out", "whole"]).assert().success();
    let library = refusing(&place, REFUSED);
    let shard = |shard: &str| {
        let mut command = place.ip2p(&["run", "s.toml", "--out", "out", "--shard", shard]);
        command.env("LD_PRELOAD", &library);
        command
    };
    // In parallel, and the first part twice.
    let processes = ["1/2", "2/2", "1/2"].map(|part| {
        let command = &mut shard(part);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(
            told.contains("out has no locks: run no other command on it"),
            "{told}"
        );
    }
    let journals = fs::read_dir(place.path("out/shards")).unwrap();
    let names = journals.map(|it| it.unwrap().file_name().into_string().unwrap());
    let journals = names.filter(|name| name.ends_with(".jsonl")).count();
    assert_eq!(journals, 3, "each process has a journal of its own");
    let before = images(&place.path("out"));
    assert_eq!(before.len(), 24);
    // Without others it is refused, because nothing would keep a second process out.
    let mut alone = place.ip2p(&["merge", "out"]);
    alone.env("LD_PRELOAD", &library);
    alone
        .assert()
        .code(predicate::in_iter([0, 1]))
        .stderr(contains("lock").or(predicate::str::is_empty()));
    place.ip2p(&["merge", "out"]).assert().success();
    assert!(
        images(&place.path("out")) == before,
        "an image was replaced"
    );
    assert_same_run(&place.path("whole"), &place.path("out"));
}

#[test]
fn shards_where_a_file_can_only_be_renamed_over_another_lose_nothing_and_say_so() {
    let place = place();
    run(&place, &["--out", "whole"]).assert().success();
    let library = refusing(&place, PLAIN_RENAME_ONLY);
    let shard = |shard: &str| {
        let mut command = place.ip2p(&["run", "s.toml", "--out", "out", "--shard", shard]);
        command.env("LD_PRELOAD", &library);
        command
    };
    let note = "out has no links: if two processes compute the same cell, the image of the later one is kept";
    for part in ["1/2", "2/2"] {
        shard(part).assert().success().stderr(contains(note));
    }
    // It is said only where it is so.
    let before = images(&place.path("out"));
    let again = place.ip2p(&["run", "s.toml", "--out", "out", "--shard", "1/2"]);
    { again }
        .assert()
        .success()
        .stderr(contains("no links").not());
    assert!(images(&place.path("out")) == before);
    place.ip2p(&["merge", "out"]).assert().success();
    assert_same_run(&place.path("whole"), &place.path("out"));
    // Twins of one part, at the same moment.
    fs::remove_dir_all(place.path("out")).unwrap();
    let twins = [0, 1].map(|_| {
        let mut twin = place.ip2p(&["run", "s.toml", "-q", "--out", "out", "--shard", "auto/1"]);
        twin.env("LD_PRELOAD", &library)
            .env("JOB_COMPLETION_INDEX", "0");
        twin.spawn().unwrap()
    });
    for mut twin in twins {
        assert!(twin.wait().unwrap().success());
    }
    place.ip2p(&["merge", "out"]).assert().success();
    assert_same_run(&place.path("whole"), &place.path("out"));
}
