//! The blind vote.

use fantoccini::key::Key;
use serde_json::json;

use crate::browser::with_page;
use crate::fixture::{Sweep, report};

/// Guidance scales of the two images, from their keys.
const SCALES: &str = "return ['vote-left', 'vote-right'].map((id) => Number(document.querySelector(`#${id} img`).src.match(/g([\\d.]+)-/)[1]))";

#[test]
fn the_win_rate_of_a_value_is_how_often_it_was_chosen_where_it_differed() {
    let (_folder, index) = report(&Sweep {
        seeds: vec![1],
        image_guidance: vec!["1.5"],
        ..Sweep::default()
    });
    with_page(&index, "view=vote", async |page| {
        let mut counts = [(0, 0); 3];
        for _ in 0..12 {
            let scales: Vec<f64> = serde_json::from_value(page.script(SCALES).await).unwrap();
            let rank = |scale: f64| {
                [3.0, 7.0, 9.5]
                    .iter()
                    .position(|known| *known == scale)
                    .unwrap()
            };
            let (left, right) = (rank(scales[0]), rank(scales[1]));
            assert_ne!(left, right, "two cells that differ in nothing are no pair");
            // The stronger one always wins.
            page.script("document.getElementById('vote-left').focus()")
                .await;
            let key = if left > right { Key::Left } else { Key::Right };
            page.press(&key.to_string()).await;
            counts[left.max(right)].0 += 1;
            counts[left].1 += 1;
            counts[right].1 += 1;
        }
        page.click("#view-vote details > summary").await;
        let told = page.texts("#vote-rates td.number").await;
        let expected: Vec<String> = counts
            .iter()
            .filter(|(_, of)| *of > 0)
            .map(|(won, of)| {
                format!(
                    "{} % of {of}",
                    (100.0 * f64::from(*won) / f64::from(*of)).round()
                )
            })
            .collect();
        assert_eq!(told, expected);
        // Neither the values nor the keys are shown before the vote.
        let seen = "return document.getElementById('vote-pair').innerText";
        let seen = page.script(seen).await;
        assert!(!seen.as_str().unwrap().contains("guidance"), "{seen}");
        page.script("location.reload()").await;
        page.until("document.body.dataset.ready === 'true' && document.getElementById('vote-count').textContent === '12 votes'")
            .await;
        page.click("#vote-undo").await;
        assert_eq!(page.texts("#vote-count").await, ["11 votes"]);
        page.script("document.getElementById('vote-clear').click()")
            .await;
        assert_eq!(page.texts("#vote-count").await, ["0 votes"]);
        assert_eq!(
            page.script("return document.querySelectorAll('#vote-rates table').length")
                .await,
            json!(0)
        );
    });
}
