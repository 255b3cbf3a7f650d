//! The UNet's products against a large matrix product on the same device.

use super::components::Measured;
use super::timing::{Stop, Stopwatch};
use super::{Efficiency, Observer, Stage, UnetCalls};
use crate::model::{MatrixProducts, ModelError, OnnxModel, Operations};

/// The share of the product's rate that the UNet reaches with each number of rows; `None` if cancelled. What keeps
/// the share from being known is told in its place: the rest of a benchmark is of use without it.
pub(super) fn measure(
    model: &OnnxModel,
    measured: &Measured,
    watch: &Stopwatch,
    observer: &mut Observer,
) -> Option<Efficiency> {
    observer(Stage::Count);
    let (sample, text) = &measured.row;
    let operations = model.unet_operations(sample.view(), text.view());
    let row_operations = match operations
        .map_err(|error| error.to_string())
        .and_then(known)
    {
        Ok(operations) => operations,
        Err(reason) => return Some(Efficiency::Unknown { reason }),
    };
    observer(Stage::Product);
    let rate = model
        .matrix_products()
        .map_err(Stop::Failed)
        .and_then(|mut products| Ok((product_rate(&mut products, watch)?, products)));
    match rate {
        Err(Stop::Cancelled) => None,
        Err(Stop::Failed(error)) => Some(Efficiency::Unknown {
            reason: error.to_string(),
        }),
        Ok((rate, products)) => Some(efficiency(row_operations, rate, &products, &measured.unet)),
    }
}

/// Operations a second.
fn product_rate(products: &mut MatrixProducts, watch: &Stopwatch) -> Result<f64, Stop<ModelError>> {
    let short = watch.time(|| products.short.run())?;
    let long = watch.time(|| products.long.run())?;
    Ok(products.operations as f64 / (long.median_ms - short.median_ms) * 1e3)
}

fn efficiency(
    row_operations: u64,
    product_rate: f64,
    products: &MatrixProducts,
    unet: &[UnetCalls],
) -> Efficiency {
    if !product_rate.is_finite() || product_rate <= 0.0 {
        let reason =
            "a long chain of matrix products took no longer than a short one: the machine is busy";
        return Efficiency::Unknown {
            reason: reason.to_owned(),
        };
    }
    let share = |calls: &UnetCalls| {
        let row_seconds = calls.row_ms()? / 1e3;
        Some(row_operations as f64 / row_seconds / product_rate)
    };
    Efficiency::Known {
        row_operations,
        product_rate,
        product_side: products.side,
        product_element: products.element.to_string(),
        shares: unet.iter().map(share).collect(),
    }
}

/// What is not counted is left out if it is at most one part in so many.
const NEGLIGIBLE: u64 = 1000;

/// The operations, if they are as good as all, and any.
fn known(operations: Operations) -> Result<u64, String> {
    let Operations {
        products,
        uncounted,
        uncounted_most,
    } = operations;
    if uncounted_most > products / NEGLIGIBLE {
        let uncounted: Vec<String> = uncounted.into_iter().collect();
        return Err(format!(
            "the work of {} in its UNet is not counted",
            uncounted.join(", ")
        ));
    }
    match products {
        0 => Err("its UNet has neither convolutions nor matrix products".to_owned()),
        products => Ok(products),
    }
}
