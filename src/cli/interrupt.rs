//! Signals: the first Ctrl-C asks for a clean end, the second ends at once; what was ignored from the start stays so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, process, thread};

use super::{Exit, render};

static ASKED: AtomicBool = AtomicBool::new(false);

/// The flag that the first Ctrl-C sets.
pub fn flag() -> &'static AtomicBool {
    let under_nohup = hangups_are_ignored();
    // Without a handler Ctrl-C ends the program at once, which a run folder survives as well.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            process::exit(i32::from(Exit::Interrupted.code()));
        }
        render::aside(format_args!(
            "stopping after this step; once more to stop at once"
        ));
    });
    if under_nohup {
        ignore_hangups();
    }
    &ASKED
}

/// A file that becomes larger than `ulimit -f` lets it is an error of the write that did it, not the end of the program.
#[cfg(unix)]
pub fn ignore_file_size_limit() {
    ignore(libc::SIGXFSZ);
}

#[cfg(unix)]
fn ignore_hangups() {
    ignore(libc::SIGHUP);
}

#[cfg(unix)]
#[expect(unsafe_code)]
fn ignore(signal: libc::c_int) {
    // SAFETY: ignoring a signal runs no code of this program.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Whether whoever started the program has hangups ignored, as `nohup` does.
#[cfg(unix)]
#[expect(unsafe_code)]
fn hangups_are_ignored() -> bool {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with no new action the call only writes the present one to a place of its type, for which zeros are valid.
    let now = unsafe {
        let asked = libc::sigaction(libc::SIGHUP, std::ptr::null(), now.as_mut_ptr());
        (asked == 0).then(|| now.assume_init())
    };
    now.is_some_and(|now| now.sa_sigaction == libc::SIG_IGN)
}

/// There are no such signals here.
#[cfg(not(unix))]
pub fn ignore_file_size_limit() {}

#[cfg(not(unix))]
fn ignore_hangups() {}

#[cfg(not(unix))]
fn hangups_are_ignored() -> bool {
    false
}

/// Sets the flag when standard input ends: whoever started this process has asked for it, or is gone.
pub fn follow_stdin() {
    let wait = || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        ASKED.store(true, Ordering::Relaxed);
    };
    // Without the thread it goes on to its end, which costs time and no more.
    let _ = thread::Builder::new().spawn(wait);
}
