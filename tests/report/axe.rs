//! axe, the accessibility checker, finds nothing wrong with any page.

use std::fs;
use std::path::Path;

use assert_cmd::assert::OutputAssertExt;
use ip2p_sweep::views::View;
use ip2p_sweep::views::report::SingleReport;
use serde_json::json;

use crate::browser::{Page, with_page, with_phone};
use crate::common::place::Place;
use crate::comparison;
use crate::fixture::{Sweep, report};

/// axe's script, from the path in an environment variable; it is not part of this project.
fn axe() -> Option<String> {
    let Some(path) = std::env::var_os("IP2P_AXE") else {
        eprintln!("SKIPPED: IP2P_AXE names no axe.min.js; the package axe-core of npm has one");
        return None;
    };
    Some(fs::read_to_string(path).unwrap())
}

/// Runs axe on the page as it is now. It may not reload styles, which the pages forbid; it would learn nothing from
/// that.
async fn assert_nothing_found(page: &Page, axe: &str, what: &str) {
    page.script(axe).await;
    page.script("window.found = undefined; axe.run(document, { preload: false }).then((result) => { window.found = result.violations; })")
        .await;
    page.until("window.found").await;
    let found = page
        .script("return window.found.map((rule) => [rule.id, ...rule.nodes.map((node) => node.html.slice(0, 200))])")
        .await;
    assert_eq!(found, json!([]), "{what}");
}

/// The views of a report, by address.
fn views(cells: &[String]) -> Vec<String> {
    let [one, two, three] = &cells[..3] else {
        return Vec::new();
    };
    let mut views: Vec<String> = ["grid", "plots", "table", "vote", "about"]
        .iter()
        .map(|view| format!("view={view}"))
        .collect();
    views.push("superRows=instruction&merge=seed&caption=tint:image_change".to_owned());
    views.push(format!("cell={one}"));
    views.push(format!("cell={one}&pin={two}+{three}"));
    views.push(format!(
        "cell={one}&pin={two}&against={two}&mode=difference"
    ));
    views
}

async fn assert_views(page: Page, axe: String) {
    let keys = "return JSON.parse(document.getElementById('data').textContent).cells.map((cell) => cell.key)";
    page.allow_scripts().await;
    let keys: Vec<String> = serde_json::from_value(page.script(keys).await).unwrap();
    for scheme in ["light", "dark"] {
        for view in views(&keys) {
            page.script(&format!("location.hash = {}", json!(view)))
                .await;
            assert_nothing_found(&page, &axe, &format!("{scheme} {view}")).await;
        }
        page.darken().await;
    }
}

#[test]
fn finds_nothing_in_any_view_of_a_report_at_a_desk_and_on_a_phone() {
    let Some(axe) = axe() else { return };
    let (_folder, index) = report(&Sweep::default());
    let other = axe.clone();
    with_page(&index, "", async |page| assert_views(page, axe).await);
    with_phone(&index, "", async |page| assert_views(page, other).await);
}

async fn assert_page(page: Page, axe: String) {
    page.allow_scripts().await;
    assert_nothing_found(&page, &axe, "light").await;
    page.darken().await;
    assert_nothing_found(&page, &axe, "dark").await;
}

fn assert_index(index: &Path, axe: &str) {
    let (axe, other) = (axe.to_owned(), axe.to_owned());
    with_page(index, "", async |page| assert_page(page, axe).await);
    with_phone(index, "", async |page| assert_page(page, other).await);
}

#[test]
fn finds_nothing_in_a_report_of_one_file_and_in_a_comparison() {
    let Some(axe) = axe() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = Sweep::default().done(&folder.path().join("run"));
    let out = folder.path().join("winter.html");
    let view = SingleReport {
        run: &run,
        out: out.clone(),
    };
    view.write().unwrap();
    assert_index(&out, &axe);
    let (_folder, index) = comparison::comparison();
    assert_index(&index, &axe);
}

#[test]
fn finds_nothing_in_the_page_of_a_check() {
    let Some(axe) = axe() else { return };
    let place = Place::new();
    let sweep = |scale: f64| {
        format!(
            "name = \"s\"\nmodel = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = [\"make it winter\", \"<b>night</b>\"]\n\
             guidance_scale = {scale:?}\nnum_inference_steps = 1\n"
        )
    };
    fs::write(place.path("s.toml"), sweep(5.0)).unwrap();
    place.ip2p(&["run", "s.toml"]).assert().success();
    place
        .ip2p(&["accept", "results/s", "--yes"])
        .assert()
        .success();
    fs::write(place.path("s.toml"), sweep(9.0)).unwrap();
    place
        .ip2p(&["check", "s.toml", "--replace"])
        .assert()
        .failure();
    let index = place.path("results/s/check/index.html");
    assert!(
        fs::read_to_string(&index).unwrap().contains("new"),
        "something to review"
    );
    assert_index(&index, &axe);
}
