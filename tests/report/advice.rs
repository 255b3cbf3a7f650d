//! Advice in the grid, in the large view, and in the table.

use ip2p_sweep::views::report::write_report;
use ip2p_sweep::vocabulary::{ClipMeasures, Measures};
use serde_json::json;

use crate::browser::with_page;
use crate::fixture::Sweep;

#[test]
fn the_advised_cell_is_outlined_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Sweep::default().done(folder.path());
    for cell in &run.plan.cells {
        let of = &cell.parameters;
        let text = ["3.0", "7.0", "9.5"]
            .iter()
            .position(|scale| *scale == of.guidance_scale.to_string());
        let text = text.unwrap();
        let (change, ssim) = [(0.01, 0.97), (0.1, 0.8), (0.12, 0.7)][text];
        let (mut image, mut direction) = [(0.98, 0.02), (0.91, 0.2), (0.6, 0.22)][text];
        if of.image_guidance_scale.to_string() != "1.5" {
            (image, direction) = (image - 0.5, direction - 0.3);
        }
        let record = run.records.get_mut(&cell.key).unwrap();
        record.image_change = Some(change);
        record.measures = Some(Measures {
            ssim,
            saturation_change: 0.0,
            contrast_change: 0.0,
        });
        record.clip = Some(Box::new(ClipMeasures {
            clip_image_similarity: image,
            clip_direction_similarity: Some(direction),
            clip_sha256: "0".repeat(64),
            captions: None,
        }));
    }
    let index = write_report(&run).unwrap();
    with_page(&index, "", async |page| {
        assert_eq!(page.texts("#show-advised").await, ["4 advised"]);
        let outlined = "return [...document.querySelectorAll('.tile.advised')].map((tile) => tile.getAttribute('aria-label'))";
        let labels = page.script(outlined).await;
        assert_eq!(
            labels,
            json!([
                "instruction make it winter, seed 42, image_guidance_scale 1.5, guidance_scale 7.0, advised"
            ])
        );
        page.click(".tile.advised").await;
        let notice = page.texts("#viewer-info .notice").await;
        assert!(
            notice[0].starts_with(
                "Advised: the knee between keeping the image and following the instruction"
            ),
            "{notice:?}"
        );
        assert!(
            notice[0].ends_with("By CLIP and the captions of the sweep."),
            "{notice:?}"
        );
        page.script("document.getElementById('viewer').close()")
            .await;
        // A cell with a remark names the one to try, which can be opened.
        page.click(".tile[aria-label*='scale 2.0, guidance_scale 3.0']")
            .await;
        let notice = page.texts("#viewer-info .notice").await;
        assert!(
            notice[0].starts_with(
                "Hardly changed (mean change 1.0 %, SSIM 0.97): try guidance_scale 7.0, as in g7.0-i2.0"
            ),
            "{notice:?}"
        );
        page.click("#viewer-info .notice button").await;
        page.until("document.getElementById('viewer-title').textContent.endsWith('image_guidance_scale\\u00a02.0 · guidance_scale\\u00a07.0')").await;
        page.script("document.getElementById('viewer').close()")
            .await;
        page.click("#show-advised").await;
        page.until("document.getElementById('table-count').textContent === '4 of 36 cells'")
            .await;
        // A single word near the front, with the full text in its title.
        let advice = page.texts("#table td[title^='advised: ']").await;
        assert_eq!(advice, ["advised"; 4]);
        let place = "return [...document.querySelectorAll('#table thead button')].findIndex((head) => head.dataset.sort === 'advice')";
        assert_eq!(page.script(place).await, json!(6));
    });
}
