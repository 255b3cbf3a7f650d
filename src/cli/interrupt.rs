//! Signals: the first Ctrl-C asks for a clean end, the second ends the program at once. Signals that were ignored at
//! the start stay ignored.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, process, thread};

use super::{Exit, render};

static ASKED: AtomicBool = AtomicBool::new(false);

/// The flag that the first Ctrl-C sets.
pub fn flag() -> &'static AtomicBool {
    static LISTENING: Once = Once::new();
    // Without a handler Ctrl-C ends the program at once, which a run folder survives too.
    LISTENING.call_once(|| drop(listen()));
    &ASKED
}

fn asked_to_end() {
    if ASKED.swap(true, Ordering::Relaxed) {
        process::exit(i32::from(Exit::Interrupted.code()));
    }
    render::aside(format_args!(
        "stopping after this step; press Ctrl-C again to stop at once"
    ));
}

/// Takes the signals that end a program, but for those that it was started to ignore: hangups under `nohup`, Ctrl-C for
/// what a script runs in the background.
#[cfg(unix)]
fn listen() -> io::Result<()> {
    let ending = [libc::SIGHUP, libc::SIGINT, libc::SIGTERM];
    let taken = ending.into_iter().filter(|&it| !is_ignored(it));
    let mut signals = signal_hook::iterator::Signals::new(taken)?;
    let wait = move || signals.forever().for_each(|_| asked_to_end());
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)?;
    Ok(())
}

#[cfg(not(unix))]
fn listen() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(asked_to_end)
}

/// Exceeding `ulimit -f` makes the write fail instead of ending the program.
#[cfg(unix)]
#[expect(unsafe_code)]
pub fn ignore_file_size_limit() {
    // SAFETY: ignoring a signal runs no code of this program.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

#[cfg(unix)]
#[expect(unsafe_code)]
fn is_ignored(signal: libc::c_int) -> bool {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action, the call only writes the present one into a value of its type, for which zeros are
    // valid.
    let now = unsafe {
        let asked = libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr());
        (asked == 0).then(|| now.assume_init())
    };
    now.is_some_and(|now| now.sa_sigaction == libc::SIG_IGN)
}

/// This system has no such signals.
#[cfg(not(unix))]
pub fn ignore_file_size_limit() {}

/// Sets the flag when standard input ends: the parent process has asked for it, or has ended.
pub fn follow_stdin() {
    let wait = || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        ASKED.store(true, Ordering::Relaxed);
    };
    // Without the thread the process runs to its end, which only costs time.
    let _ = thread::Builder::new().spawn(wait);
}
