//! Hostile text must be shown as text.

use fantoccini::key::Key;
use serde_json::json;

use crate::browser::{ROW_LABELS, with_page};
use crate::fixture::{Sweep, report};

#[test]
fn hostile_text_is_shown_as_text() {
    let hostile = "</script><img src=x onerror=\"window.hacked=1\">'\"<!-- \u{202e}gnp.exe \u{2028} {{ name }}";
    let (_folder, index) = report(&Sweep {
        instructions: vec![hostile, "plain"],
        ..Sweep::default()
    });
    with_page(&index, "rows=instruction", async move |page| {
        assert_eq!(page.texts(ROW_LABELS).await, [hostile, "plain"]);
        page.click(".tile").await;
        let values = page.texts("#viewer-info dd").await;
        assert!(values.iter().any(|value| value == hostile), "{values:?}");
        page.press(&Key::Escape.to_string()).await;
        page.click("#tab-table").await;
        assert!(
            page.texts("#table td")
                .await
                .iter()
                .any(|value| value == hostile)
        );
        page.click("#tab-plots").await;
        page.choose("#plot-lines", "instruction").await;
        assert!(
            page.texts("#tradeoff .legend li")
                .await
                .iter()
                .any(|value| value == hostile)
        );
        assert_eq!(
            page.script("return window.hacked ?? document.querySelectorAll('[onerror]').length")
                .await,
            json!(0)
        );
    });
}

#[test]
fn hostile_text_that_all_cells_share_is_shown_as_text() {
    let hostile = "</dd></dl><img src=x onerror=\"window.hacked=1\"> & {{ name }}";
    let (_folder, index) = report(&Sweep {
        instructions: vec![hostile],
        ..Sweep::default()
    });
    with_page(&index, "", async move |page| {
        assert!(
            page.texts(".constants dd")
                .await
                .iter()
                .any(|value| value == hostile)
        );
        assert_eq!(
            page.script("return window.hacked ?? document.querySelectorAll('[onerror]').length")
                .await,
            json!(0)
        );
    });
}
