//! Pinned cells, up to four of them.

use fantoccini::key::Key;
use serde_json::json;

use crate::browser::with_page;
use crate::fixture::{Sweep, report};

const PANES: &str = "return [...document.querySelectorAll('.pane figcaption')].map((caption) => caption.textContent)";
const PINNED: &str =
    "return [...document.querySelectorAll('.tile.pinned')].map((tile) => tile.dataset.cell)";

#[test]
fn four_cells_are_pinned_and_a_fifth_stands_beside_them() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.click(".tile").await;
        for _ in 0..2 {
            page.press("p").await;
            page.press(&Key::Right.to_string()).await;
        }
        page.press("p").await;
        page.press(&Key::Down.to_string()).await;
        page.press("p").await;
        page.press(&Key::Down.to_string()).await;
        let captions = page.script(PANES).await;
        assert_eq!(captions.as_array().unwrap().len(), 5, "{captions}");
        assert_eq!(
            captions[4],
            json!("image_guidance_scale 2.0, guidance_scale 9.5")
        );
        let fifth = "return document.getElementById('pin').disabled";
        assert_eq!(page.script(fifth).await, json!(true));
        page.click("#viewer-close").await;
        assert_eq!(page.script(PINNED).await, json!(["0", "1", "2", "5"]));
        assert!(page.hash().await.contains("pin=g3.0-i1.0"));
    });
}

#[test]
fn the_current_cell_is_held_against_any_of_the_pinned() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        // In the grid too, P pins the focused cell.
        page.script("document.querySelector('.tile').focus()").await;
        page.press("p").await;
        page.press(&Key::Right.to_string()).await;
        page.press("p").await;
        page.press(&Key::Right.to_string()).await;
        page.press(&Key::Enter.to_string()).await;
        let options =
            "return [...document.getElementById('against').options].map((option) => option.text)";
        assert_eq!(
            page.script(options).await,
            json!([
                "input",
                "pinned: guidance_scale 3.0",
                "pinned: guidance_scale 7.0"
            ])
        );
        let second = page
            .script("return document.getElementById('against').options[2].value")
            .await;
        page.choose("#against", second.as_str().unwrap()).await;
        let before = "return document.querySelector('.pane .before').getAttribute('src')";
        let source = page.script(before).await;
        assert!(
            source.as_str().unwrap().contains(second.as_str().unwrap()),
            "{source}"
        );
        // A cell that is no longer pinned is no longer compared with.
        page.click("[data-move=left]").await;
        page.click("#pin").await;
        let against = "return document.getElementById('against').value";
        assert_eq!(page.script(against).await, json!(""));
    });
}
