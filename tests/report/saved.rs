//! What can be saved from the page: the view as an image, an axis as an animation, a finer sweep, and the commands that
//! make them.

use std::fs;
use std::process::Command;

use assert_cmd::assert::OutputAssertExt;
use image::AnimationDecoder;
use image::codecs::gif::GifDecoder;
use ip2p_sweep::store::Run;
use ip2p_sweep::views::View;
use ip2p_sweep::views::report::SingleReport;
use ip2p_sweep::vocabulary::Parameter;
use serde_json::json;

use crate::browser::with_page;
use crate::common::place::Place;
use crate::fixture::{Sweep, report};

#[test]
fn the_view_of_a_single_file_is_saved_as_a_picture_of_all_its_cells() {
    let folder = tempfile::tempdir().unwrap();
    let run = Sweep::default().done(&folder.path().join("run"));
    let out = folder.path().join("winter.html");
    let view = SingleReport {
        run: &run,
        out: out.clone(),
    };
    view.write().unwrap();
    with_page(&out, "size=96", async |page| {
        page.script("URL.createObjectURL = (blob) => { window.saved = blob; return '#'; }")
            .await;
        page.click("#save-view").await;
        page.until("window.saved").await;
        page.script(
            "createImageBitmap(window.saved).then((bitmap) => {
                const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
                const ink = canvas.getContext('2d', { willReadFrequently: true });
                ink.drawImage(bitmap, 0, 0);
                const pixels = new Uint32Array(ink.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
                // Pixels of the paper's colour are no picture.
                const columns = [...Array(bitmap.width).keys()].map((x) => [...Array(bitmap.height).keys()].filter((y) => pixels[y * bitmap.width + x] !== pixels[0]).length);
                window.found = [window.saved.type, bitmap.width > 3 * 96, columns.filter((count) => count > 3 * 60).length];
            })",
        )
        .await;
        page.until("window.found").await;
        let found = page.script("return window.found").await;
        assert_eq!((&found[0], &found[1]), (&json!("image/png"), &json!(true)));
        // Three columns of 96 pixels.
        let full = found[2].as_u64().unwrap();
        assert!((280..=300).contains(&full), "{found}");
    });
}

#[test]
fn the_large_view_plays_an_axis_and_stops() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.click(".tile").await;
        page.choose("#play-axis", "image_guidance_scale").await;
        page.click("#play").await;
        assert_eq!(page.texts("#play").await, ["Pause"]);
        for scale in ["2.0", "1.0", "1.5"] {
            let ends = format!(
                "document.getElementById('viewer-title').textContent.includes('image_guidance_scale\\u00a0{scale} · guidance_scale\\u00a03.0')"
            );
            page.until(&ends).await;
        }
        page.click("#play").await;
        let stopped = page.texts("#viewer-title").await;
        tokio::time::sleep(std::time::Duration::from_millis(900)).await;
        assert_eq!(page.texts("#viewer-title").await, stopped);
    });
}

/// The commands that the page copies for the first cell.
fn commands(run: &Run) -> Vec<String> {
    let (found, commands) = std::sync::mpsc::channel();
    with_page(
        &run.folder.join("report/index.html"),
        "",
        async move |page| {
            page.script("Object.defineProperty(navigator.clipboard, 'writeText', { value: async (text) => { window.copied = text; } })")
            .await;
            page.click("#save-view").await;
            page.until("window.copied").await;
            found
                .send(page.script("return window.copied").await)
                .unwrap();
            page.click(".tile").await;
            for (button, command) in [("#refine", "refine"), ("#play-save", "animate")] {
                page.click(button).await;
                page.until(&format!("window.copied.startsWith('ip2p {command}')"))
                    .await;
                found
                    .send(page.script("return window.copied").await)
                    .unwrap();
            }
        },
    );
    commands
        .iter()
        .map(|command| command.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_commands_that_the_page_copies_make_the_view_the_animation_and_a_finer_sweep_that_runs() {
    let place = Place::new();
    fs::create_dir(place.path("my sweeps")).unwrap();
    fs::copy(place.path("in.png"), place.path("my sweeps/in.png")).unwrap();
    let text = "name = \"whole\"\nmodel = \"../model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\n\
                guidance_scale = [2.0, 6.0]\nimage_guidance_scale = 1.5\nnum_inference_steps = 1\n";
    fs::write(place.path("my sweeps/whole.toml"), text).unwrap();
    place
        .ip2p(&["run", "my sweeps/whole.toml"])
        .assert()
        .success();
    let run = Run::read(&place.path("results/whole")).unwrap();
    let commands = commands(&run);
    // Nothing to do without a browser.
    let [sheet, refine, animate] = &commands[..] else {
        return;
    };
    for command in [sheet, refine, animate] {
        let program = env!("CARGO_BIN_EXE_ip2p");
        let mut shell = Command::new("sh");
        shell.current_dir(place.folder.path());
        shell.arg("-c").arg(command.replacen("ip2p", program, 1));
        shell.assert().success();
    }
    assert!(
        place.path("results/whole/sheets/chosen.png").is_file(),
        "{sheet}"
    );
    let gif = fs::File::open(place.path("guidance_scale.gif")).unwrap();
    let decoder = GifDecoder::new(std::io::BufReader::new(gif)).unwrap();
    assert_eq!(decoder.into_frames().collect_frames().unwrap().len(), 2);
    let hash = run.plan.cells[0]
        .key
        .as_str()
        .rsplit('-')
        .next()
        .unwrap()
        .to_owned();
    let name = format!("whole-around-{hash}");
    let file = format!("my sweeps/{name}.toml");
    assert!(place.path(&file).is_file(), "{refine}");
    place.ip2p(&["run", &file]).assert().success();
    let finer = Run::read(&place.path("results").join(name)).unwrap();
    let scales: Vec<String> = (finer.plan.cells.iter())
        .map(|cell| cell.parameters.text(Parameter::GuidanceScale))
        .collect();
    assert_eq!(scales, ["0.0", "1.0", "2.0", "3.0", "4.0"]);
    // The cell in the middle is the very same cell.
    let middle = finer.plan.cells[2].key.as_str();
    assert!(middle.ends_with(&hash), "{middle} {hash}");
}
