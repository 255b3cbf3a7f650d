//! Which record gets the memory peaks of which phase.

use ip2p_sweep::engine::Policy;

use super::fake::{Arena, Fake};
use super::fixture::{ONE_BY_ONE, one_setting, plan, run};

const ALONE: Policy = Policy {
    phased: true,
    unet_rows: 3,
    ..ONE_BY_ONE
};

/// Peaks of two cells with one image: the first asks the UNet for two rows a step, the second for three.
fn peaks(policy: Policy, vae_encoder: u64, vae_decoder: u64) -> Vec<Option<f64>> {
    let folder = tempfile::tempdir().unwrap();
    let spec = one_setting(folder.path());
    let mut fake = Fake {
        arena_mib: Some(Arena {
            vae_encoder,
            vae_decoder,
        }),
        ..Fake::default()
    };
    let run = run(&plan(&spec), &mut fake, policy, None);
    let mut records = run.records.values();
    assert!(records.all(|record| record.vram_source.as_deref() == Some("ort-arena")));
    let records = run.records.values();
    records.map(|record| record.vram_peak_mib).collect()
}

#[test]
fn in_phased_memory_each_cell_says_what_its_own_phases_took() {
    let denoising = peaks(ALONE, 1, 1);
    assert_eq!(denoising, [Some(2.0), Some(3.0)]);
    let encoding_once = peaks(ALONE, 8, 1);
    assert_eq!(
        encoding_once,
        [Some(8.0), Some(3.0)],
        "encoded for the first"
    );
    let decoding_each = peaks(ALONE, 8, 9);
    assert_eq!(decoding_each, [Some(9.0), Some(9.0)]);
}

#[test]
fn in_resident_memory_the_components_add_up_once_they_are_there() {
    let resident = Policy {
        phased: false,
        ..ALONE
    };
    // Encoder, UNet and decoder; the decoder is loaded from the first decoding on.
    assert_eq!(peaks(resident, 4, 5), [Some(11.0), Some(12.0)]);
}
