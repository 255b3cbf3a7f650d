//! What an Indexed Job does with its pods: exit codes of real processes under the failure policies of the printed
//! manifest.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::assert::OutputAssertExt;

use crate::common::copy_folder;
use crate::common::place::Place;
use crate::merged::{SWEEP, assert_same_run, images, place};

/// What happens to an index whose pod has ended.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Done,
    /// The whole job fails.
    JobFails,
    /// There are no more pods for this index.
    IndexFails,
    /// Another pod replaces it, up to a limit.
    Retried,
}

/// The manifest for two shards: the document of the job, and that of the merge.
fn manifests(place: &Place) -> (String, String) {
    let printed = place
        .ip2p(&["jobs", "s.toml", "--kubernetes", "--shards", "2"])
        .assert()
        .success();
    let text = String::from_utf8(printed.get_output().stdout.clone()).unwrap();
    let (job, merge) = text.split_once("\n---\n").unwrap();
    (job.to_owned(), merge.to_owned())
}

/// The fate according to a document's rules: the first rule that names the exit code decides.
fn fate(document: &str, code: i32) -> Fate {
    if code == 0 {
        return Fate::Done;
    }
    let mut action = "";
    for line in document.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- action: ") {
            action = name;
        }
        let codes = line.split_once("values: [");
        let codes = codes.and_then(|(_, rest)| rest.split(']').next());
        let named = codes.is_some_and(|codes| {
            let mut codes = codes
                .split(',')
                .map(|code| code.trim().parse::<i32>().unwrap());
            line.starts_with("onExitCodes:") && codes.any(|named| named == code)
        });
        match (named, action) {
            (false, _) => {}
            (true, "FailJob") => return Fate::JobFails,
            (true, "FailIndex") => return Fate::IndexFails,
            (true, other) => panic!("{other}"),
        }
    }
    Fate::Retried
}

/// The container of an index, as in the manifest.
fn pod(place: &Place, job: &str, index: &str) -> Command {
    assert!(job.contains(
        "command: [ip2p, run, $(SWEEP), --out, $(OUT), --shard, auto/2, --threads, $(CPUS)]"
    ));
    let shard = ["--shard", "auto/2", "--threads", "1"];
    let mut pod = place.ip2p(&[&["run", "s.toml", "-q", "--out", "out"][..], &shard].concat());
    pod.env("JOB_COMPLETION_INDEX", index).stdout(Stdio::null());
    pod
}

fn code(mut command: Command) -> i32 {
    let status = command.stderr(Stdio::null()).status().unwrap();
    status.code().unwrap()
}

#[test]
fn what_another_node_cannot_mend_fails_the_job_or_the_index_and_the_rest_is_tried_again() {
    let place = place();
    let (job, merge) = manifests(&place);
    let ended = |command: Command| {
        let code = code(command);
        (code, fate(&job, code))
    };
    // A node without the library.
    let mut bare = pod(&place, &job, "0");
    bare.env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so");
    assert_eq!(ended(bare), (3, Fate::Retried));
    // More completions than parts.
    assert_eq!(ended(pod(&place, &job, "2")), (2, Fate::JobFails));
    assert_eq!(ended(pod(&place, &job, "0")), (0, Fate::Done));
    // The merge of only one of two shards.
    let merged = code(place.ip2p(&["merge", "out"]));
    assert_eq!((merged, fate(&merge, merged)), (12, Fate::JobFails));
    let right = fs::read_to_string(place.path("s.toml")).unwrap();
    fs::write(
        place.path("s.toml"),
        right.replace("instruction", "instuction"),
    )
    .unwrap();
    assert_eq!(ended(pod(&place, &job, "1")), (2, Fate::JobFails));
    fs::write(place.path("s.toml"), right).unwrap();
    assert_eq!(ended(pod(&place, &job, "1")), (0, Fate::Done));
    assert_eq!(code(place.ip2p(&["merge", "out"])), 0);
}

#[test]
fn an_index_of_which_cells_fail_is_not_tried_again() {
    let place = Place::new();
    copy_folder(&place.path("model"), &place.path("broken"));
    // Latents divided by it become infinite.
    for component in ["vae_encoder", "vae_decoder"] {
        let config = place.path("broken").join(component).join("config.json");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, text.replace("0.18215", "1e-37")).unwrap();
    }
    // One cell of the intact model, and four of the broken one: of two parts the first has cells of both.
    fs::write(
        place.path("s.toml"),
        "model = [\"model\", \"broken\"]\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\nseed = [1, 2, 3, 4]\n\
         num_inference_steps = 2\n[[exclude]]\nmodel = \"model\"\nseed = 2\n[[exclude]]\nmodel = \"model\"\nseed = 3\n\
         [[exclude]]\nmodel = \"model\"\nseed = 4\n[runtime]\nthreads = 1\n",
    )
    .unwrap();
    let (job, _) = manifests(&place);
    let codes = ["0", "1"].map(|index| code(pod(&place, &job, index)));
    // A pod that finishes no cell may be on a broken node.
    assert_eq!(codes, [12, 1]);
    assert_eq!(
        codes.map(|code| fate(&job, code)),
        [Fate::IndexFails, Fate::Retried]
    );
}

#[cfg(unix)]
#[test]
fn a_pod_that_is_evicted_or_killed_is_replaced_by_one_that_goes_on() {
    let place = place();
    let sweep = SWEEP.replace("steps = 2", "steps = 20");
    fs::write(place.path("s.toml"), sweep).unwrap();
    let (job, _) = manifests(&place);
    let stopped = |signal: &str, enough: usize| {
        let mut running = pod(&place, &job, "0").spawn().unwrap();
        let patience = Instant::now() + Duration::from_secs(300);
        while !place.path("out/cells").is_dir() || images(&place.path("out")).len() < enough {
            assert!(Instant::now() < patience, "no cell was finished");
            sleep(Duration::from_millis(5));
        }
        let pid = running.id().to_string();
        Command::new("kill").args([signal, &pid]).assert().success();
        // As shells and kubelets report signals.
        let code = running.wait().unwrap().code().unwrap_or(128 + 9);
        (code, fate(&job, code))
    };
    // Unfinished files have names of their own and are removed by the next pod.
    let finished = || {
        let mut images = images(&place.path("out"));
        images.retain(|name, _| !name.to_string_lossy().starts_with(".ip2p-"));
        images
    };
    assert_eq!(stopped("-TERM", 1), (130, Fate::Retried));
    assert_eq!(stopped("-KILL", finished().len() + 1), (137, Fate::Retried));
    let before = finished();
    assert!(before.len() < 12, "it was killed too late");
    for index in ["0", "1"] {
        assert_eq!(code(pod(&place, &job, index)), 0);
    }
    let after = images(&place.path("out"));
    assert!(before.iter().all(|(name, bytes)| after[name] == *bytes));
    let journal = fs::read_to_string(place.path("out/shards/1-of-2.jsonl")).unwrap();
    assert_eq!(
        journal.matches("\"status\":\"done\"").count(),
        12,
        "each cell once"
    );
    place.ip2p(&["merge", "out"]).assert().success();
    place
        .ip2p(&["run", "s.toml", "-q", "--out", "whole"])
        .assert()
        .success();
    assert_same_run(&place.path("whole"), &place.path("out"));
}
