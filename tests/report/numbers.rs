//! Plots and table.

use fantoccini::Locator;
use ip2p_sweep::views::report::write_report;
use ip2p_sweep::vocabulary::ClipMeasures;
use serde_json::json;

use crate::browser::with_page;
use crate::fixture::{Sweep, fail, report};

#[test]
fn failed_cells_are_found_with_their_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Sweep::default().done(folder.path());
    fail(&mut run, 4, "NaN in <step> 3");
    let index = write_report(&run).unwrap();
    with_page(&index, "", async |page| {
        assert_eq!(
            page.texts(".tile.failed").await,
            ["failed: NaN in <step> 3"]
        );
        page.click("#show-failed").await;
        assert_eq!(
            page.texts("#table tbody td.long").await,
            ["NaN in <step> 3"]
        );
        let heads = page.texts("#table thead th").await;
        let status = heads.iter().position(|head| head == "status").unwrap();
        assert_eq!(heads[status + 1], "error", "{heads:?}");
        page.click("#table tbody button").await;
        assert_eq!(
            page.texts("#viewer .message").await[0],
            "This cell failed: NaN in <step> 3"
        );
        assert_eq!(
            page.texts("#viewer-info .notice").await,
            ["Failed: NaN in <step> 3"]
        );
    });
}

#[test]
fn the_table_is_sorted_and_filtered() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "view=table", async |page| {
        page.click("[data-sort=image_change]").await;
        page.click("[data-sort=image_change]").await;
        assert!(page.hash().await.contains("sort=-image_change"));
        let numbers = page.script(
            "const column = [...document.querySelectorAll('#table thead button')].findIndex((head) => head.dataset.sort === 'image_change');
             return [...document.querySelectorAll('#table tbody tr')].map((row) => Number(row.cells[column].textContent))",
        ).await;
        let numbers: Vec<f64> = serde_json::from_value(numbers).unwrap();
        assert_eq!(numbers.len(), 36);
        assert!(
            numbers.is_sorted_by(|one, other| one >= other),
            "{numbers:?}"
        );
        page.0
            .find(Locator::Css("#table-find"))
            .await
            .unwrap()
            .send_keys("NIGHT g9.5")
            .await
            .unwrap();
        page.until("document.getElementById('table-count').textContent === '6 of 36 cells'")
            .await;
    });
}

#[test]
fn words_are_found_in_what_the_table_shows_and_numbers_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    // Search finds seeds in numbers and in the hashes that end keys, which here are the cells' numbers.
    let sweep = Sweep {
        instructions: vec!["a castle", "a castle of 1.13 towers (new)"],
        seeds: vec![13, 130],
        ..Sweep::default()
    };
    let mut run = sweep.done(folder.path());
    let whole = run.plan.cells[13].key.clone();
    fail(&mut run, 20, "NaN in <step> 3");
    let index = write_report(&run).unwrap();
    with_page(&index, "view=table", async move |page| {
        for (words, count) in [
            ("castle 13", 18),
            ("CAST 13 new)", 9),
            ("13", 18),
            ("0000", 0),
            ("7 1.5 130", 2),
            ("9.5", 12),
            (whole.as_str(), 1),
            ("nan <step>", 1),
            ("winter", 0),
        ] {
            let find = format!(
                "const find = document.getElementById('table-find'); find.value = {}; find.dispatchEvent(new Event('input'))",
                json!(words)
            );
            page.script(&find).await;
            let expected = format!("{count} of 36 cells");
            assert_eq!(page.texts("#table-count").await, [expected], "{words}");
        }
    });
}

#[test]
fn the_first_column_of_the_table_stays_and_cuts_its_keys() {
    let scales = |from: u32| -> Vec<&'static str> {
        let value = |index| format!("{}.5", from + index);
        (0..4).map(|index| &*value(index).leak()).collect()
    };
    let (_folder, index) = report(&Sweep {
        guidance: scales(1),
        image_guidance: scales(10),
        ..Sweep::default()
    });
    with_page(&index, "view=table", async |page| {
        let key = "const find = (selector) => document.querySelector(selector);
            const scroll = find('.table-scroll');
            const key = find('#table tbody button');
            key.textContent = 'g1.5-'.repeat(20);
            scroll.style.width = '600px';
            scroll.scrollTo(200, 200);
            const left = (node) => Math.round(node.getBoundingClientRect().left - scroll.getBoundingClientRect().left);
            const head = find('#table thead th');
            const box = head.getBoundingClientRect();
            const seen = document.elementFromPoint(box.left + 20, box.top + box.height / 2);
            return [seen.dataset.sort, left(head), left(find('#table tbody th')), getComputedStyle(key).textOverflow,
                key.scrollWidth > key.clientWidth, document.querySelectorAll('#table tbody button')[1].title]";
        assert_eq!(
            page.script(key).await,
            json!(["cell", 1, 1, "ellipsis", true, "g2.5-i10.5-s42-000001"])
        );
    });
}

#[test]
fn plots_are_drawn_from_the_records() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "view=plots", async |page| {
        assert_eq!(
            page.script("return document.querySelectorAll('#tradeoff .series').length")
                .await,
            json!(3)
        );
        assert_eq!(
            page.script("return document.querySelectorAll('#tradeoff .point').length")
                .await,
            json!(9)
        );
        assert_eq!(
            page.script("return document.querySelectorAll('#heatmap .heat-cell').length")
                .await,
            json!(9)
        );
        assert_eq!(
            page.script("return document.querySelectorAll('#memory path.line').length")
                .await,
            json!(2)
        );
        page.choose("#stage-group", "guidance_scale").await;
        assert_eq!(
            page.script("return document.querySelectorAll('.stage-bar-group').length")
                .await,
            json!(3)
        );
        // A front needs two numbers for which it is known which direction is better; for the amount of change only the
        // reader knows.
        let on_front = "return document.querySelectorAll('#tradeoff .on-front').length > 0";
        for (x, has_front) in [("total_ms", true), ("image_change", false)] {
            page.choose("#plot-x", x).await;
            page.choose("#plot-y", "denoise_ms").await;
            assert_eq!(page.script(on_front).await, json!(has_front), "{x}");
        }
        // Wide numbers do not touch the name of the axis.
        let clear = "const box = (node) => node.getBoundingClientRect();
            const numbers = [...document.querySelectorAll('#tradeoff .tick[text-anchor=end]')];
            const name = [...document.querySelectorAll('#tradeoff .axis-name')].at(-1);
            return [numbers[0].textContent, Math.min(...numbers.map((number) => box(number).left)) - box(name).right]";
        let clear = page.script(clear).await;
        let first = clear[0].as_str().unwrap();
        assert!(first.starts_with("1\u{202f}"), "{clear}");
        assert!(clear[1].as_f64() > Some(2.0), "{clear}");
        page.click(".heat-cell").await;
        page.until("document.getElementById('viewer').open").await;
    });
}

#[test]
fn a_run_that_was_measured_with_clip_is_plotted_as_in_the_paper() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Sweep::default().done(folder.path());
    for (index, cell) in run.plan.cells.iter().enumerate() {
        let similarity = 0.9 - 0.01 * index as f64;
        let record = run.records.get_mut(&cell.key).unwrap();
        // One instruction has captions.
        let is_captioned = cell.parameters.instruction == "make it winter";
        record.clip = Some(Box::new(ClipMeasures {
            clip_image_similarity: similarity,
            clip_direction_similarity: is_captioned.then_some(0.2 - 0.1 * similarity),
            clip_sha256: "ab".repeat(32),
            captions: None,
        }));
    }
    let index = write_report(&run).unwrap();
    with_page(&index, "view=plots", async |page| {
        let axes = page.script(
            "return [...document.querySelectorAll('#tradeoff .axis-name')].map((name) => name.textContent)",
        );
        assert_eq!(
            axes.await,
            json!(["clip direction similarity", "clip image similarity"])
        );
        let lines = page.script(
            "return [...document.querySelectorAll('#tradeoff .series')].map((line) => line.querySelectorAll('.point').length)",
        );
        assert_eq!(lines.await, json!([3, 3, 3]));
    });
    with_page(&index, "view=table", async |page| {
        let columns = page.script(
            "return [...document.querySelectorAll('#table thead button')].map((head) => head.dataset.sort)",
        );
        let columns: Vec<String> = serde_json::from_value(columns.await).unwrap();
        let of_clip = columns.iter().filter(|column| column.starts_with("clip_"));
        assert_eq!(
            of_clip.collect::<Vec<_>>(),
            ["clip_image_similarity", "clip_direction_similarity"]
        );
    });
}

const LINES: &str = "return [...document.querySelectorAll('#tradeoff .series')].map((series) => series.querySelectorAll('.line').length)";
const POINTS: &str = "return [...document.querySelectorAll('#tradeoff .point')].map((point) => point.getAttribute('aria-label'))";

#[test]
fn points_of_change_and_closeness_are_the_cells_of_the_selection() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "view=plots", async |page| {
        for (choice, instruction) in [("0", "make it winter"), ("1", "make it night")] {
            page.choose("#at-instruction", choice).await;
            let points: Vec<String> = serde_json::from_value(page.script(POINTS).await).unwrap();
            assert_eq!(points.len(), 9);
            let cell = format!("instruction {instruction}, seed 42, image_guidance_scale ");
            assert!(
                points.iter().all(|point| point.starts_with(&cell)),
                "{points:?}"
            );
        }
        page.click("#tradeoff .series:last-of-type .point").await;
        page.until("document.getElementById('viewer').open").await;
        assert_eq!(
            page.texts("#viewer-title").await,
            [
                "make it night · seed\u{a0}42 · image_guidance_scale\u{a0}1.0 · guidance_scale\u{a0}9.5"
            ]
        );
    });
    with_page(&index, "view=plots&superRows=seed", async |page| {
        // A colour for each guidance_scale, a line for each seed.
        assert_eq!(page.script(LINES).await, json!([2, 2, 2]));
        assert_eq!(page.script(POINTS).await.as_array().unwrap().len(), 18);
    });
}

#[test]
fn lines_run_along_scales_and_join_neither_instructions_nor_seeds() {
    let (_folder, index) = report(&Sweep {
        instructions: vec!["make it winter", "make it night", "make it spring"],
        image_guidance: vec!["1.5"],
        ..Sweep::default()
    });
    with_page(&index, "view=plots&rows=instruction", async |page| {
        let legend = page.texts("#tradeoff .legend li").await;
        assert_eq!(legend[0], "instruction");
        assert_eq!(page.script(LINES).await, json!([1, 1, 1]));
        page.choose("#plot-lines", "guidance_scale").await;
        assert_eq!(page.script(LINES).await, json!([0, 0, 0]));
        assert_eq!(page.script(POINTS).await.as_array().unwrap().len(), 9);
        page.choose("#side-columns", "seed").await;
        assert_eq!(page.script(LINES).await, json!([0, 0, 0]));
        assert_eq!(page.script(POINTS).await.as_array().unwrap().len(), 6);
    });
}

#[test]
fn the_heat_map_names_its_axes_and_marks_failed_cells() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Sweep::default().done(folder.path());
    fail(&mut run, 4, "NaN in <step> 3");
    let index = write_report(&run).unwrap();
    with_page(&index, "view=plots&superRows=seed", async |page| {
        let names = "return [...document.querySelectorAll('#heatmap .axis-name')].map((name) => name.firstChild.textContent)";
        assert_eq!(
            page.script(names).await,
            json!(["guidance_scale", "seed · image_guidance_scale"])
        );
        let marks = "return [...document.querySelectorAll('.heat-failed')].map((mark) => [mark.textContent, mark.getAttribute('aria-label')])";
        let cell =
            "instruction make it winter, seed 42, image_guidance_scale 1.5, guidance_scale 7.0";
        assert_eq!(
            page.script(marks).await,
            json!([["failed", format!("{cell}: failed: NaN in <step> 3")]])
        );
        // Names and labels do not touch each other.
        let clear = "const box = (node) => node.getBoundingClientRect();
            const [across, down] = document.querySelectorAll('#heatmap .axis-name');
            const labels = [...document.querySelectorAll('#heatmap .tick')];
            const of = (anchor) => labels.filter((label) => label.getAttribute('text-anchor') === anchor).map(box);
            return [Math.min(...of('middle').map((label) => label.top)) >= box(across).bottom - 1,
                Math.min(...of('end').map((label) => label.left)) >= box(down).right - 1]";
        assert_eq!(page.script(clear).await, json!([true, true]));
        page.click(".heat-failed").await;
        page.until("document.getElementById('viewer').open").await;
    });
}
