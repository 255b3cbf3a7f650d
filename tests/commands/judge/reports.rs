//! The reports of a check: JUnit, Markdown, annotations and the sheet.

use std::fs;

use ip2p_sweep::views::View;
use ip2p_sweep::views::check::{Checked, accept_command, annotations, junit, summary};

use super::fixture::{TINY, swapped};

#[test]
fn reports_say_what_is_wrong_and_stay_within_their_limits() {
    let copied = TINY.copy();
    let check = copied.with_images(swapped);
    let xml = junit(&check);
    assert!(
        xml.contains("tests=\"2\" skipped=\"0\" failures=\"2\""),
        "{xml}"
    );
    assert!(xml.contains("type=\"regression\""), "{xml}");

    // Tests are named by parameters, which stay when models, and with them keys, change.
    assert!(
        xml.contains("<testcase name=\"make it winter\" classname=\"snap\""),
        "{xml}"
    );
    let key = &check.cells[0].name;
    assert!(
        xml.contains(&format!("<property name=\"key\" value=\"{key}\"/>")),
        "{xml}"
    );

    let text = summary(&check, "a <b>/index.html", 1 << 20);
    assert!(text.contains("**failed**: 2 regression"), "{text}");
    assert!(text.contains("would have passed"), "{text}");
    let link = "- review it in [a &lt;b>/index.html](<a %3Cb%3E/index.html>)\n";
    assert!(text.contains(link), "{text}");
    let mut many = check.clone();
    many.cells = vec![check.cells[0].clone(); 9000];
    let long = summary(&many, "index.html", 1 << 20);
    assert!(
        long.len() <= 1 << 20 && long.contains("more cells are left out here"),
        "{}",
        long.len()
    );

    let lines = annotations(&many);
    assert_eq!(lines.len(), 10);
    assert!(
        lines[0].starts_with("::error title=regression%3A make it winter"),
        "{}",
        lines[0]
    );
    assert!(lines.iter().all(|line| !line.contains('\n')));

    let step = copied.folder.path().join("step.md");
    fs::write(&step, "# before\n").unwrap();
    let view = Checked {
        baseline: None,
        check: &check,
        run: &copied.run().folder,
        step_summary: Some(step.clone()),
    };
    let made = view.write().unwrap();
    assert!(
        fs::read_to_string(&step)
            .unwrap()
            .starts_with("# before\n## ip2p check snap")
    );
    let page = fs::read_to_string(made.path("page").unwrap()).unwrap();
    assert_eq!(
        page.matches("<article data-verdict=\"regression\">")
            .count(),
        2
    );
    assert_eq!(
        page.matches("<img ").count(),
        6,
        "expected, actual and difference"
    );
    let sources = page.matches("src=\"").count();
    assert_eq!(
        page.matches("src=\"data:image/webp;base64,").count(),
        sources
    );
    let accept = format!(
        "{} --cell {key}",
        accept_command(&copied.run().folder, None)
    );
    assert!(page.contains(&accept.replace('/', "&#x2f;")), "{accept}");
    let sheet = image::open(made.path("sheet").unwrap())
        .unwrap()
        .into_rgb8();
    assert!(sheet.height() > 2 * 320, "{:?}", sheet.dimensions());
}

#[test]
fn a_shard_without_cells_says_so() {
    let mut check = TINY.copy().with_images(swapped);
    check.cells.clear();
    assert_eq!(check.counts_text(), "no cells");
}
