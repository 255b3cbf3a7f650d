//! `ip2p run --devices`: one process for each device; they take the shards of a sweep in turn.
//!
//! No two devices share a process: if one fails, its shard is put back and another device takes it. The events that the
//! processes print as JSON are combined into one progress display, and their shards into one run.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, io, thread};

use ip2p_sweep::plan::Shard;
use ip2p_sweep::runner::{Outcome, Prepared, Workload, merge};
use ip2p_sweep::spec::Device;
use ip2p_sweep::store::{Run, StoreError};
use ip2p_sweep::trust::this_program;
use serde_json::Value;

use super::events::PhaseName;
use super::progress::{Ending, Progress, ProgressFlags, Views};
use super::views::views;
use super::{Error, Exit, RuntimeFlags, interrupt};

/// Shards for each device: with more, less time is spent waiting for the last one, but models are loaded more often.
const SHARDS: usize = 4;

/// How often to check for a request to stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the processes have in common.
pub struct Devices<'a> {
    /// The sweep file.
    pub sweep: &'a Path,
    /// The run folder.
    pub out: &'a Path,
    /// The devices, one process each.
    pub devices: &'a [Device],
    /// Flags passed on to the processes.
    pub runtime: RuntimeFlags,
    /// ONNX Runtime's library, if it was given.
    pub library: Option<PathBuf>,
}

/// A message from a device's thread.
enum DeviceMessage {
    /// A line that a process printed.
    Line(Value),
    /// A process failed; the exit code is missing if it was killed.
    Failed {
        /// Index of the device.
        lane: usize,
        shard: Shard,
        code: Option<i32>,
    },
    /// The process could not be started.
    NotStarted(io::Error),
}

/// The waiting shards, and the pipes that keep processes running.
struct Queue {
    waiting: Mutex<VecDeque<Shard>>,
    going: Mutex<Vec<ChildStdin>>,
    stopped: AtomicBool,
}

impl Queue {
    /// The next shard, unless everything is to stop.
    fn next(&self) -> Option<Shard> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match self.stopped.load(Ordering::Relaxed) {
            true => None,
            false => waiting.pop_front(),
        }
    }

    /// Whether shards are waiting, unless everything is to stop.
    fn has_work(&self) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        !waiting.is_empty() && !self.stopped.load(Ordering::Relaxed)
    }

    fn put_back(&self, shard: Shard) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(shard);
    }

    /// Keeps the pipe to a process's standard input open. A process that was started while all were being stopped is
    /// stopped too.
    fn keep_going(&self, input: Option<ChildStdin>) {
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.stopped.load(Ordering::Relaxed) {
            going.extend(input);
        }
    }

    /// Stops all processes: they end when their standard input does.
    fn stop(&self) {
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        self.stopped.store(true, Ordering::Relaxed);
        going.clear();
    }
}

impl Devices<'_> {
    /// Runs the sweep, shows its progress, and makes tables, sheets and report.
    pub fn run(self, prepared: &Prepared, flags: ProgressFlags) -> Result<ExitCode, Error> {
        let pending = match Run::find(self.out)? {
            Some(run) => run.pending(&prepared.plan),
            None => (0..prepared.plan.cells.len()).collect(),
        };
        let workload = Workload::of(prepared, &pending);
        let mut progress = Progress::begin(flags, &prepared.plan, workload);
        progress.notes(&prepared.notes);
        let parts = (self.devices.len() * SHARDS).min(prepared.plan.cells.len().max(1));
        let shards = (0..parts).filter_map(|index| Shard::of(index, parts));
        let queue = Queue {
            waiting: Mutex::new(if pending.is_empty() {
                VecDeque::new()
            } else {
                shards.collect()
            }),
            going: Mutex::new(Vec::new()),
            stopped: AtomicBool::new(false),
        };
        let mut failed = None;
        let mut working = vec![true; self.devices.len()];
        // If a device fails last, the others have already finished when it leaves its shard, so they are started once
        // more.
        while queue.has_work() && working.contains(&true) {
            let code = self.run_all_shards(&queue, &mut working, &mut progress)?;
            failed = code.or(failed);
        }
        let left = queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.stopped.load(Ordering::Relaxed) {
            progress.end(self.ending(Outcome::Interrupted, &Views::default()));
            return Ok(ExitCode::from(Exit::Interrupted));
        }
        if let (false, Some(code)) = (left.is_empty(), failed) {
            let words = format!(
                "{} of {parts} shards are left, and no device works",
                left.len()
            );
            progress.end_with(&[], &[("failed", words.clone())], &[words]);
            return Ok(ExitCode::from(code));
        }
        drop(left);
        let merged = merge(self.out, &[])?;
        let left = merged.failed + merged.missing.len();
        let outcome = Outcome::Complete {
            done: prepared.plan.cells.len() - left,
            failed: left,
        };
        progress.phase(PhaseName::Drawing);
        let views = views(&merged.run, pending.is_empty())?;
        progress.end(self.ending(outcome, &views));
        Ok(Exit::from(outcome).into())
    }

    fn ending<'v>(&'v self, outcome: Outcome, views: &'v Views) -> Ending<'v> {
        Ending {
            outcome,
            run: self.out,
            shard: None,
            views,
        }
    }

    /// Runs one thread for each device until no shard waits or no device works; returns the exit code of the last
    /// failure.
    fn run_all_shards(
        &self,
        queue: &Queue,
        working: &mut [bool],
        progress: &mut Progress,
    ) -> Result<Option<u8>, Error> {
        let (messages, received) = channel();
        let asked = interrupt::flag();
        thread::scope(|scope| {
            for (lane, &device) in self.devices.iter().enumerate() {
                let messages = messages.clone();
                if working[lane] {
                    scope.spawn(move || self.run_shards_on((lane, device), queue, &messages));
                }
            }
            drop(messages);
            let mut failed = None;
            loop {
                match received.recv_timeout(PATIENCE) {
                    Ok(DeviceMessage::Line(line)) => progress.take_line(&line),
                    Ok(DeviceMessage::Failed { lane, shard, code }) => {
                        working[lane] = false;
                        let device = self.devices[lane];
                        let how = match code {
                            Some(code) => format!("exit code {code}"),
                            None => "it was killed".to_owned(),
                        };
                        progress.note(&format!(
                            "{device} failed ({how}); others take up its shard {shard}"
                        ));
                        let code = code.and_then(|code| u8::try_from(code).ok());
                        failed = Some(code.unwrap_or(Exit::Failed.code()));
                    }
                    Ok(DeviceMessage::NotStarted(source)) => {
                        let path = env::current_exe().unwrap_or_default();
                        return Err(StoreError::Read { path, source }.into());
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok(failed),
                }
                if asked.load(Ordering::Relaxed) {
                    queue.stop();
                }
            }
        })
    }

    /// Runs shard after shard on one device, until it fails.
    fn run_shards_on(
        &self,
        (lane, device): (usize, Device),
        queue: &Queue,
        messages: &Sender<DeviceMessage>,
    ) {
        loop {
            let Some(shard) = queue.next() else { return };
            let code = match self.start(device, shard) {
                Ok(mut child) => {
                    queue.keep_going(child.stdin.take());
                    follow(&mut child, messages);
                    child.wait().ok().and_then(|status| status.code())
                }
                Err(error) => {
                    let _ = messages.send(DeviceMessage::NotStarted(error));
                    return;
                }
            };
            match code {
                Some(code) if is_done(code) => {}
                code => {
                    queue.put_back(shard);
                    if !queue.stopped.load(Ordering::Relaxed) {
                        let _ = messages.send(DeviceMessage::Failed { lane, shard, code });
                    }
                    return;
                }
            }
        }
    }

    fn start(&self, device: Device, shard: Shard) -> io::Result<Child> {
        let RuntimeFlags {
            device: flags,
            memory,
            batch,
        } = self.runtime;
        let mut command = this_program()?;
        command
            .arg("run")
            .arg(self.sweep)
            .arg("--out")
            .arg(self.out);
        command.args([
            "--json",
            "--until-stdin-ends",
            "--shard",
            &shard.to_string(),
        ]);
        command.args(["--device", &device.to_string()]);
        let mut given = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                command.args([name, &value]);
            }
        };
        given("--memory", memory.map(|it| it.to_string()));
        given("--batch", batch.map(|it| it.to_string()));
        given("--threads", flags.threads.map(|it| it.to_string()));
        let limit = flags.memory_limit_mib;
        given("--memory-limit-mib", limit.map(|it| it.to_string()));
        if let Some(library) = &self.library {
            command.arg("--onnxruntime").arg(library);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    }
}

/// Whether a shard was completed, even if some of its cells failed.
fn is_done(code: i32) -> bool {
    [Exit::Done, Exit::SomeCellsFailed]
        .map(|exit| i32::from(exit.code()))
        .contains(&code)
}

/// Forwards what a process prints.
fn follow(child: &mut Child, messages: &Sender<DeviceMessage>) {
    let Some(stdout) = child.stdout.take() else {
        return;
    };
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Ok(line) = serde_json::from_str(&line) {
            let _ = messages.send(DeviceMessage::Line(line));
        }
    }
}
