//! The table's images, columns and copying.

use serde_json::json;

use crate::browser::with_page;
use crate::fixture::{Sweep, report};

const HEADS: &str =
    "return [...document.querySelectorAll('#table thead button')].map((head) => head.dataset.sort)";

#[test]
fn rows_show_their_picture_and_columns_are_chosen() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "view=table", async |page| {
        page.until("document.querySelector('#table td.thumb img').naturalWidth === 48")
            .await;
        page.click("#columns > summary").await;
        page.click("#column-denoise_ms").await;
        page.click("#column-picture").await;
        assert!(page.hash().await.contains("without=denoise_ms+picture"));
        let heads: Vec<String> = serde_json::from_value(page.script(HEADS).await).unwrap();
        assert!(
            !heads
                .iter()
                .any(|head| head == "denoise_ms" || head == "picture")
        );
        assert!(heads.iter().any(|head| head == "image_change"));
        page.click("#column-picture").await;
        assert_eq!(page.script(HEADS).await[1], json!("picture"));
    });
}

/// Keeps what the page would put on the clipboard.
const KEEP_COPIES: &str = "Object.defineProperty(navigator.clipboard, 'writeText', { value: async (text) => { window.copied = text; } })";

#[test]
fn the_copied_command_names_the_run_folder_wherever_the_report_lies() {
    use ip2p_sweep::views::View;
    use ip2p_sweep::views::report::Report;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("it's here/results/winter");
    let run = Sweep::default().done(&place);
    let out = folder.path().join("pages/of winter");
    let view = Report {
        run: &run,
        out: Some(out.clone()),
    };
    view.write().unwrap();
    let expected = format!(
        "ip2p sheet '{}' --only g3.0-i1.0-s42-000000",
        place
            .canonicalize()
            .unwrap()
            .display()
            .to_string()
            .replace('\'', r"'\''")
    );
    with_page(
        &out.join("index.html"),
        "view=table&find=g3.0-i1.0-s42-000000",
        async move |page| {
            page.script(KEEP_COPIES).await;
            page.click("#copy-sheet").await;
            page.until("window.copied").await;
            assert_eq!(page.script("return window.copied").await, json!(expected));
            page.click("#copy-keys").await;
            page.until("window.copied.startsWith('g3.0')").await;
        },
    );
}
