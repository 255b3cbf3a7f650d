//! What `--help` says below the flags: examples that can be pasted, and the exit codes.

macro_rules! code {
    (done) => {
        "    0  done\n"
    };
    (passes) => {
        "    0  every cell passes\n"
    };
    (reviewed) => {
        "    0  every cell passes, or was accepted\n"
    };
    (rejected) => {
        "   10  a cell was rejected\n"
    };
    (usable) => {
        "    0  sweeps run\n"
    };
    (failed) => {
        "    1  it failed while it ran\n"
    };
    (refused) => {
        "    1  it failed, or was not agreed to\n"
    };
    (usage) => {
        "    2  bad usage or sweep file\n"
    };
    (not_usable) => {
        "    3  ONNX Runtime, the device or the model cannot be used\n"
    };
    (regression) => {
        "   10  a regression\n"
    };
    (to_accept) => {
        "   11  no regression, and cells to accept\n"
    };
    (some) => {
        "   12  some cells failed, the others are there\n"
    };
    (interrupted) => {
        "  130  interrupted; run again to go on\n"
    };
}

macro_rules! page {
    ($($example:literal)+; $($code:ident)+) => {
        concat!(
            "\x1b[1;4mExamples:\x1b[0m\n",
            $("  ", $example, "\n",)+
            "\n\x1b[1;4mExit codes:\x1b[0m\n",
            $(code!($code),)+
        )
    };
}

pub const ALL: &str = page!(
    "ip2p demo"
    "ip2p init photo.jpg \"make it winter\""
    "ip2p plan sweep.toml"
    "ip2p run sweep.toml";
    done failed usage not_usable regression to_accept some interrupted
);
pub const DEMO: &str = page!(
    "ip2p demo"
    "ip2p demo --out /tmp/demo --device cpu";
    done failed not_usable some interrupted
);
pub const RUN: &str = page!(
    "ip2p run winter.toml"
    "ip2p run winter.toml --device cuda:1 --out results/on-gpu"
    "ip2p run winter.toml --devices cuda:0,cuda:1"
    "ip2p run winter.toml --shard 2/8 --json";
    done failed usage not_usable some interrupted
);
pub const PLAN: &str = page!(
    "ip2p plan winter.toml"
    "ip2p plan winter.toml --shards 8"
    "ip2p plan winter.toml --json";
    done failed usage not_usable
);
pub const JOBS: &str = page!(
    "ip2p jobs winter.toml --slurm --shards 16"
    "ip2p jobs winter.toml --kubernetes --shards 16 --image ip2p:cuda";
    done usage
);
pub const MERGE: &str = page!(
    "ip2p merge results/winter"
    "ip2p merge results/winter from-node-1 from-node-2"
    "ip2p merge results/winter --tables-only";
    done failed usage some
);
pub const CHECK: &str = page!(
    "ip2p check sweeps/winter.toml"
    "ip2p check sweeps/winter.toml --explain"
    "ip2p check sweeps/winter.toml --shard 1/2 --json";
    passes failed usage not_usable regression to_accept some interrupted
);
pub const ACCEPT: &str = page!(
    "ip2p accept results/winter"
    "ip2p accept results/winter --cell g7.0 --reason \"new night model\""
    "ip2p accept results/winter --yes";
    done refused usage
);
pub const REVIEW: &str = page!(
    "ip2p review results/winter"
    "ip2p review results/winter --reason \"new night model\"";
    reviewed failed usage rejected to_accept
);
pub const SHEET: &str = page!(
    "ip2p sheet results/winter"
    "ip2p sheet results/winter --rows seed --columns guidance_scale --cell 128"
    "ip2p sheet results/winter --panels image seed"
    "ip2p sheet results/winter --only g7.0 --format jpeg --out sheets";
    done failed usage
);
pub const REPORT: &str = page!(
    "ip2p report results/winter"
    "ip2p report results/winter --single-file winter.html";
    done failed usage
);
pub const TABLE: &str = page!(
    "ip2p table results/winter --out winter.parquet"
    "ip2p table results/winter --out for-excel.csv --utf8-mark";
    done failed usage
);
pub const REFINE: &str = page!(
    "ip2p refine results/winter g7.0-i1.5"
    "ip2p refine results/winter g7.0-i1.5 --out sweeps/finer.toml";
    done failed usage
);
pub const ANIMATE: &str = page!(
    "ip2p animate results/winter g7.0-i1.5 --along guidance_scale"
    "ip2p animate results/winter g7.0-i1.5 --along seed --out seeds.gif --frame-ms 300";
    done failed usage
);
pub const COMPARE: &str = page!(
    "ip2p compare results/winter results/winter-fp16"
    "ip2p compare results/winter results/winter-fp16 --out results/fp16 --json";
    done failed usage
);
pub const BENCH: &str = page!(
    "ip2p bench onnx/instruct-pix2pix"
    "ip2p bench onnx/instruct-pix2pix --size 512x768 --rows 3,6,12 --device cuda"
    "ip2p bench onnx/instruct-pix2pix --json";
    done failed usage not_usable interrupted
);
pub const DOCTOR: &str = page!(
    "ip2p doctor"
    "ip2p doctor onnx/instruct-pix2pix";
    usable not_usable
);
pub const EXPORT: &str = page!(
    "ip2p export timbrooks/instruct-pix2pix"
    "ip2p export model.safetensors --out onnx/mine --precision fp16"
    "ip2p export openai/clip-vit-base-patch32 --clip";
    done usage not_usable interrupted
);
pub const SETUP: &str = page!(
    "ip2p setup"
    "ip2p setup --cuda";
    done not_usable
);
pub const SCHEMA: &str = page!(
    "ip2p schema"
    "ip2p schema --events";
    done
);
pub const INIT: &str = page!(
    "ip2p init photo.jpg \"make it winter\""
    "ip2p init \"photos/*.jpg\" \"make it night\" --model onnx/instruct-pix2pix --out night.toml";
    done failed
);
pub const COMPLETIONS: &str = page!(
    "ip2p completions bash";
    done usage
);

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::cli::Arguments;

    #[test]
    fn every_command_has_examples_that_are_understood_and_exit_codes() {
        let program = Arguments::command();
        let commands = program.get_subcommands().filter(|it| !it.is_hide_set());
        for command in commands.chain([&program]) {
            let name = command.get_name();
            let help = command.get_after_help().unwrap_or_else(|| panic!("{name}"));
            let help = help.to_string();
            assert!(
                help.contains("Exit codes:") && help.contains("  0  "),
                "{name}"
            );
            let examples: Vec<&str> = help
                .lines()
                .filter_map(|line| line.strip_prefix("  "))
                .filter(|line| line.starts_with("ip2p "))
                .collect();
            assert!(!examples.is_empty(), "{name}");
            for example in examples {
                let is_own = example.starts_with(&format!("ip2p {name}"));
                assert!(is_own || name == "ip2p", "{name}: {example}");
                let parsed = Arguments::try_parse_from(shlex::split(example).unwrap());
                assert!(parsed.is_ok(), "{example}: {parsed:?}");
            }
        }
    }

    #[test]
    fn the_definition_of_the_arguments_holds() {
        Arguments::command().debug_assert();
    }
}
