//! `--json`: docs/events.md is generated from the schema of the events, and what commands print conforms to it.
//!
//! `IP2P_WRITE_DOCS=1 cargo test --test commands events` regenerates it.

mod schema;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use schema::{check, properties};
use serde_json::Value;

use ip2p_sweep::onnxruntime::Source;
use ip2p_sweep::store::Run;

use super::fixture::{Place, sweep};
use crate::common::{copy_folder, golden, library};

const HEAD: &str = "# Following ip2p from a program

Generated from the schema (`ip2p schema --events`) by a test; do not edit it here.

With `--json` every command prints one JSON object a line on standard output, and nothing else there. Each has its kind
under `event` and the version of the schema under `version`. Removing a key or changing its meaning makes a new version;
adding a key or a kind does not. Ignore keys that you do not know; keys without a value are `null`. Errors, including bad
usage, are events and are also printed to standard error in words; the exit codes are the same as without `--json`
(`ip2p COMMAND --help`).

The journal of a run folder has the same cells and takes precedence: a program that starts later should read
`journal.jsonl` first.
";

fn schema() -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
    let printed = command.args(["schema", "--events"]).output().unwrap();
    serde_json::from_slice(&printed.stdout).unwrap()
}

#[test]
fn the_page_of_the_events_is_what_the_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md");
    let text = page(&schema());
    if std::env::var_os("IP2P_WRITE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "run this test with IP2P_WRITE_DOCS=1, and commit docs/events.md"
    );
}

/// All subcommands, as the program lists them.
fn commands() -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
    let help = String::from_utf8(command.arg("--help").output().unwrap().stdout).unwrap();
    let listed = help.split("Commands:\n").nth(1).unwrap().lines();
    let listed = listed.take_while(|line| !line.trim().is_empty());
    let names = listed.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|&name| name != "help")
        .map(str::to_owned)
        .collect()
}

/// Runs commands with `--json` and checks their output against the schema.
struct Reader {
    place: Place,
    schema: Value,
    /// Kinds of events seen so far.
    kinds: BTreeSet<String>,
    /// Commands that succeeded so far.
    commands: BTreeSet<String>,
}

impl Reader {
    fn tell(&mut self, arguments: &[&str], code: i32) -> Vec<Value> {
        self.answered(arguments, "", code)
    }

    /// With lines on standard input.
    fn answered(&mut self, arguments: &[&str], lines: &str, code: i32) -> Vec<Value> {
        let command = self.place.ip2p(arguments);
        self.read(command, lines, code)
    }

    fn read(&mut self, mut command: Command, lines: &str, code: i32) -> Vec<Value> {
        command.arg("--json").stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that does not read may have ended already.
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
        let text = String::from_utf8(output.stdout).unwrap();
        let event =
            |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{command:?}: {line}"));
        let events: Vec<Value> = text.lines().map(event).collect();
        assert!(!events.is_empty(), "{command:?}");
        for event in &events {
            assert_eq!(event["version"], 1, "{event}");
            self.kinds
                .insert(event["event"].as_str().unwrap().to_owned());
            check(&self.schema, event);
        }
        if ![2, 3].contains(&code) {
            let name = command.get_args().next().unwrap();
            self.commands.insert(name.to_str().unwrap().to_owned());
        }
        events
    }

    /// Plans, computes, judges and accepts a run.
    fn runs(&mut self) {
        self.tell(&["plan", "s.toml", "--shards", "2"], 0);
        let ran = self.tell(&["run", "s.toml"], 0);
        let end = ran.last().unwrap();
        assert_eq!((&end["event"], &end["done"]), (&"end".into(), &2.into()));
        let mut files = end["files"].as_array().unwrap().iter();
        assert!(files.any(|file| file["what"] == "report"));
        self.tell(&["run", "chain.toml"], 0);
        // A demo is a run like any other; that it refuses a folder with another run is the one cheap thing to check.
        let demo = &self.tell(&["demo", "--out", "results/s"], 2)[0];
        assert_eq!(demo["event"], "error");
        self.commands.insert("demo".to_owned());
        self.tell(&["merge", "results/s"], 0);
        let problem = &self.tell(&["run", "bad.toml"], 2)[0];
        assert_eq!(problem["hint"], "did you mean guidance_scale?");
        let place = (&problem["line"], &problem["column"]);
        assert_eq!(place, (&6.into(), &1.into()));
    }

    fn judged(&mut self) {
        let verdict = event(self.tell(&["check", "s.toml"], 11), "verdict");
        let verdict = (&verdict["verdict"], &verdict["passes"]);
        assert_eq!(verdict, (&"new".into(), &false.into()));
        let reviewed = self.answered(&["review", "results/s"], "what?\nskip\nq\n", 11);
        let asked = reviewed.iter().filter(|it| it["event"] == "question");
        assert_eq!(
            asked.count(),
            3,
            "an answer that is none is asked for again"
        );
        let reviewed = self.answered(&["review", "results/s"], "accept\nreject\n", 10);
        let accepted = event(reviewed.clone(), "accepted");
        assert_eq!(
            (&accepted["accepted"], &accepted["changes"]),
            (&true.into(), &1.into())
        );
        let decisions = reviewed.iter().filter(|it| it["event"] == "decision");
        let decisions: Vec<&Value> = decisions.map(|it| &it["decision"]).collect();
        assert_eq!(decisions, ["accept", "reject"]);
        assert_eq!(reviewed.last().unwrap()["exit_code"], 10);
        self.tell(&["accept", "results/s", "--yes"], 0);
        let checked = event(self.tell(&["check", "s.toml"], 0), "checked");
        assert_eq!(checked["counts"]["same"], 2);
    }

    fn views(&mut self) {
        self.tell(&["sheet", "results/s"], 0);
        let rows = ["sheet", "results/s", "--rows", "scheduler"];
        assert_eq!(self.tell(&rows, 0)[1]["event"], "note");
        let twice = ["sheet", "results/s", "--rows", "seed", "--columns", "seed"];
        let twice = &self.tell(&twice, 2)[0];
        let told = twice["message"].as_str().unwrap();
        assert!(told.contains("choose two different axes"), "{twice}");
        self.tell(&["report", "results/s"], 0);
        self.tell(&["report", "results/s", "--single-file", "one.html"], 0);
        self.tell(&["run", "t.toml"], 0);
        self.tell(&["compare", "results/s", "results/t"], 0);
        let run = Run::read(&self.place.path("results/s")).unwrap();
        let cell = run.plan.cells[0].key.to_string();
        self.tell(&["animate", "results/s", &cell, "--along", "seed"], 0);
        self.tell(&["refine", "results/s", &cell, "--out", "finer.toml"], 0);
    }

    fn tables(&mut self) {
        let table = self.tell(&["table", "results/s"], 0);
        assert_eq!((table.len(), &table[0]["rows"]), (3, &2.into()));
        let columns = table[0]["columns"].as_array().unwrap();
        let row = table[1]["values"].as_object().unwrap();
        assert_eq!(columns.len(), row.len());
        assert!(row["seed"].is_u64() && row["ssim"].is_f64() && row["advised"].is_null());
        for (file, format) in [("cells.csv", "csv"), ("cells.parquet", "parquet")] {
            let table = self.tell(&["table", "results/s", "--out", file], 0);
            assert_eq!((table.len(), &table[0]["format"]), (1, &format.into()));
            assert!(self.place.path(file).is_file());
        }
    }

    /// Texts for other programs are the same as without `--json`.
    fn texts(&mut self) {
        let plain = |place: &Place, arguments: &[&str]| {
            String::from_utf8(place.ip2p(arguments).output().unwrap().stdout).unwrap()
        };
        let slurm = ["jobs", "s.toml", "--slurm", "--shards", "20"];
        let script = &self.tell(&slurm, 0)[0];
        assert_eq!(script["text"], plain(&self.place, &slurm));
        let said = (&script["job"], &script["at_once"], &script["image"]);
        assert_eq!(said, (&"s".into(), &8.into(), &Value::Null));
        let kubernetes = ["jobs", "s.toml", "--kubernetes", "--shards", "2"];
        assert_eq!(self.tell(&kubernetes, 0)[0]["out"], "/sweeps/results/s");
        let zsh = ["completions", "zsh"];
        assert_eq!(self.tell(&zsh, 0)[0]["text"], plain(&self.place, &zsh));
        for (arguments, of) in [
            (&["schema"][..], "sweep"),
            (&["schema", "--events"], "events"),
        ] {
            let printed: Value = serde_json::from_str(&plain(&self.place, arguments)).unwrap();
            let event = &self.tell(arguments, 0)[0];
            assert_eq!((&event["of"], &event["schema"]), (&of.into(), &printed));
        }
    }

    fn machine(&mut self) {
        self.tell(&["doctor", "model"], 0);
        self.tell(&["init", "in.png", "make it winter", "--model", "model"], 0);
        let bench = [
            "bench",
            "model",
            "--size",
            "64",
            "--seconds",
            "0.01",
            "--rows",
            "1",
        ];
        self.tell(&bench, 0);
        // It was fetched for the tests, or is installed.
        let fetched = library().source == Source::Cache;
        let mut setup = self.place.ip2p(&["setup"]);
        setup.env("IP2P_OFFLINE", "1");
        match fetched {
            true => assert_eq!(self.read(setup, "", 0)[0]["event"], "setup"),
            // Nothing is fetched for this.
            false => {
                self.commands.insert("setup".to_owned());
                self.kinds.insert("setup".to_owned());
            }
        }
        let mut setup = self.place.ip2p(&["setup"]);
        setup
            .env("XDG_CACHE_HOME", self.place.path("empty"))
            .env("IP2P_OFFLINE", "1");
        assert_eq!(self.read(setup, "", 3)[0]["event"], "error");
    }
}

/// The only event of a kind, or the first.
fn event(events: Vec<Value>, kind: &str) -> Value {
    let mut events = events.into_iter();
    events.find(|event| event["event"] == kind).unwrap()
}

#[test]
fn what_every_command_prints_keeps_to_the_schema() {
    let place = Place::new();
    let chain = "seed = 1\n[measures]\nclip = \"clip\"\n[[then]]\ninstruction = \"make it night\"\nnum_inference_steps = 2";
    copy_folder(&golden().join("clip/model"), &place.path("clip"));
    for (file, more) in [
        ("s.toml", "seed = [1, 2]"),
        ("t.toml", "seed = [2, 3]"),
        ("bad.toml", "guidence_scale = 7"),
        ("chain.toml", chain),
    ] {
        fs::write(place.path(file), sweep(more)).unwrap();
    }
    let mut reader = Reader {
        place,
        schema: schema(),
        kinds: BTreeSet::new(),
        commands: BTreeSet::new(),
    };
    reader.runs();
    reader.judged();
    reader.views();
    reader.tables();
    reader.texts();
    reader.machine();
    #[cfg(unix)]
    exported(&mut reader);
    let mut all = commands();
    assert!(all.len() > 20, "{all:?}");
    if cfg!(not(unix)) {
        all.remove("export");
    }
    assert_eq!(reader.commands, all, "a command is not tried");
    let kinds = reader.schema["oneOf"].as_array().unwrap().iter();
    let kinds = kinds.map(|kind| kind["properties"]["event"]["const"].as_str().unwrap());
    let untold: Vec<&str> = kinds.filter(|&kind| !reader.kinds.contains(kind)).collect();
    assert!(untold.is_empty(), "{untold:?}");
}

#[cfg(unix)]
fn exported(reader: &mut Reader) {
    let desk = super::begun::exporting::Desk::with(&["uv", "python3"]);
    let export = desk.export(&["someone/some-model"]);
    assert_eq!(reader.read(export, "", 0)[0]["folder"], "onnx/some-model");
    fs::write(desk.place.path("fail"), "").unwrap();
    let export = desk.export(&["someone/some-other"]);
    let failed = &reader.read(export, "", 1)[0];
    assert_eq!(
        (&failed["event"], &failed["exit_code"]),
        (&"error".into(), &1.into())
    );
}

#[test]
fn bad_usage_of_every_command_is_an_event() {
    let mut reader = Reader {
        place: Place::new(),
        schema: schema(),
        kinds: BTreeSet::new(),
        commands: BTreeSet::new(),
    };
    for command in commands() {
        let told = reader.tell(&[&command, "--no-such-flag"], 2);
        let message = told[0]["message"].as_str().unwrap();
        assert!(
            message.starts_with("unexpected argument '--no-such-flag'"),
            "{message}"
        );
        assert_eq!((told.len(), &told[0]["exit_code"]), (1, &2.into()));
    }
    let told = &reader.tell(&["run", "s.toml", "--quite"], 2)[0];
    assert_eq!(told["hint"], "a similar argument exists: '--quiet'");
}

fn page(schema: &Value) -> String {
    let mut text = HEAD.to_owned();
    for kind in schema["oneOf"].as_array().unwrap() {
        let name = kind["properties"]["event"]["const"].as_str().unwrap();
        write!(text, "\n## `{name}`\n\n{}\n\n", said(kind)).unwrap();
        let keys: Vec<_> = properties(schema, kind)
            .into_iter()
            .filter(|(key, _)| !["event", "version"].contains(&key.as_str()))
            .collect();
        table(&mut text, schema, keys.into_iter());
    }
    text.push_str("\n# Objects within events\n");
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let kinds = schema["oneOf"].as_array().unwrap().iter();
        let is_event = kinds
            .filter_map(|kind| kind["$ref"].as_str())
            .any(|path| path == format!("#/$defs/{name}"));
        let Some(keys) = definition["properties"].as_object().filter(|_| !is_event) else {
            continue;
        };
        write!(text, "\n## {name}\n\n{}\n\n", said(definition)).unwrap();
        table(&mut text, schema, keys.iter());
    }
    text
}

fn table<'a>(
    text: &mut String,
    schema: &Value,
    keys: impl Iterator<Item = (&'a String, &'a Value)>,
) {
    text.push_str("| key | type | |\n|---|---|---|\n");
    for (key, value) in keys {
        writeln!(
            text,
            "| `{key}` | {} | {} |",
            kind_of(schema, value),
            said(value)
        )
        .unwrap();
    }
}

fn said(value: &Value) -> String {
    value["description"]
        .as_str()
        .unwrap_or_default()
        .replace('\n', " ")
        .replace('|', "\\|")
}

fn kind_of(schema: &Value, value: &Value) -> String {
    if let Some(name) = value["$ref"]
        .as_str()
        .and_then(|path| path.strip_prefix("#/$defs/"))
    {
        let definition = &schema["$defs"][name];
        return match definition.get("properties") {
            Some(_) => name.to_owned(),
            None => kind_of(schema, definition),
        };
    }
    if let Some(choices) = value["enum"].as_array() {
        let choices: Vec<String> = choices
            .iter()
            .map(|choice| format!("`{}`", choice.as_str().unwrap_or_default()))
            .collect();
        return choices.join(", ");
    }
    if let Some(forms) = value["anyOf"]
        .as_array()
        .or_else(|| value["oneOf"].as_array())
    {
        let forms: Vec<String> = forms.iter().map(|form| kind_of(schema, form)).collect();
        return forms.join(" or ");
    }
    if value.as_bool() == Some(true) {
        return "anything".to_owned();
    }
    let word = |kind: &Value| match kind.as_str().unwrap_or_default() {
        "array" => format!("list of {}", kind_of(schema, &value["items"])),
        "object" => format!("map to {}", kind_of(schema, &value["additionalProperties"])),
        "string" => "text".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        other => other.to_owned(),
    };
    match &value["type"] {
        Value::Array(kinds) => kinds.iter().map(word).collect::<Vec<_>>().join(" or "),
        kind => word(kind),
    }
}
