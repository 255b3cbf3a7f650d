//! What is looked at once a run, or a merge, has ended.

use ip2p_sweep::judge::advice::advise;
use ip2p_sweep::store::Run;
use ip2p_sweep::views::report::Report;
use ip2p_sweep::views::sheet::Sheets;
use ip2p_sweep::views::{View, ViewFiles};

use super::Error;
use super::progress::Views;

/// The sheets and the report: the existing ones if `as_they_are` allows it and nothing has changed since, otherwise new
/// ones.
pub fn views(run: &Run, as_they_are: bool) -> Result<Views, Error> {
    let advice = advise(run);
    let (sheets, report) = (Sheets::of(run, &advice), Report::of(run));
    let found = || -> Option<ViewFiles> { Some(sheets.find()?.and(report.find()?)) };
    let made = match as_they_are.then(found).flatten() {
        Some(made) => made,
        None => sheets.write()?.and(report.write()?),
    };
    Ok(Views {
        made,
        advised: advice.best.into_iter().map(|best| best.cell).collect(),
    })
}
