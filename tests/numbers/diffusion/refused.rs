//! Configurations that are not supported or not valid.

use ip2p_sweep::diffusion::{Generator, NoiseSource, Sampler, SchedulerConfig};
use ip2p_sweep::vocabulary::SchedulerKind;

#[test]
fn options_that_are_not_supported_are_errors_that_name_the_key() {
    let cases = [
        ("ddim", r#"{"thresholding": true}"#, "`thresholding` = true"),
        (
            "euler",
            r#"{"use_exponential_sigmas": true}"#,
            "`use_exponential_sigmas` = true",
        ),
        (
            "dpmpp_2m",
            r#"{"use_lu_lambdas": true}"#,
            "`use_lu_lambdas` = true",
        ),
        (
            "unipc",
            r#"{"use_flow_sigmas": true}"#,
            "`use_flow_sigmas` = true",
        ),
        ("unipc", r#"{"predict_x0": false}"#, "`predict_x0` = false"),
        (
            "pndm",
            r#"{"prediction_type": "sample"}"#,
            "`prediction_type` = \"sample\"",
        ),
        (
            "euler_ancestral",
            r#"{"prediction_type": "sample"}"#,
            "`prediction_type` = \"sample\"",
        ),
        (
            "lms",
            r#"{"prediction_type": "flow"}"#,
            "`prediction_type` must be",
        ),
        (
            "heun",
            r#"{"beta_schedule": "exp"}"#,
            "`beta_schedule` = \"exp\"",
        ),
        (
            "ddpm",
            r#"{"variance_type": "learned"}"#,
            "`variance_type` = \"learned\"",
        ),
        (
            "lcm",
            r#"{"timestep_spacing": "even"}"#,
            "`timestep_spacing` must be",
        ),
        (
            "ddim",
            r#"{"num_train_timesteps": 1e18}"#,
            "`num_train_timesteps` must be",
        ),
        (
            "ddim",
            r#"{"trained_betas": []}"#,
            "`trained_betas` must be",
        ),
        (
            "ddim",
            r#"{"steps_offset": 9223372036854775807}"#,
            "`steps_offset` must be",
        ),
        (
            "euler",
            r#"{"final_sigmas_type": 0}"#,
            "`final_sigmas_type` must be a text",
        ),
    ];
    for (kind, config, expected) in cases {
        let kind = SchedulerKind::from_name(kind).unwrap();
        let config = SchedulerConfig::parse(config).unwrap();
        let Err(error) = Sampler::new(kind, &config, 5) else {
            panic!("{kind} takes {expected}")
        };
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn no_configuration_or_number_of_steps_panics() {
    let configs = [
        "{}",
        r#"{"num_train_timesteps": 1}"#,
        r#"{"num_train_timesteps": 2, "timestep_spacing": "trailing"}"#,
        r#"{"trained_betas": [0.5]}"#,
        r#"{"trained_betas": [0.5, 2.0, -1.0], "skip_prk_steps": true}"#,
        r#"{"steps_offset": -5000, "timestep_spacing": "leading", "use_karras_sigmas": true}"#,
        r#"{"beta_start": -1.0, "beta_end": 5.0, "beta_schedule": "scaled_linear", "clip_sample": true}"#,
        r#"{"lambda_min_clipped": 100.0, "timestep_spacing": "trailing"}"#,
        r#"{"use_karras_sigmas": true, "sigma_min": -1.0, "sigma_max": 0.0}"#,
        r#"{"solver_order": 9, "original_inference_steps": 1, "disable_corrector": [-1]}"#,
    ];
    for config in configs {
        let config = SchedulerConfig::parse(config).unwrap();
        for kind in SchedulerKind::ALL {
            for steps in [0, 1, 2, 3, 4, 7, 61, 1000, 1001] {
                let Ok(mut sampler) = Sampler::new(kind, &config, steps) else {
                    continue;
                };
                let mut noise = Generator::new(NoiseSource::TorchCpu, 0);
                let mut latents = noise.randn((1, 1, 1, 1));
                for evaluation in sampler.evaluations().to_vec() {
                    let input = sampler.scale_model_input(evaluation, latents.view());
                    latents = sampler.step(evaluation, input.view(), latents, &mut noise);
                }
            }
        }
        assert!(Sampler::new(SchedulerKind::Euler, &config, u32::MAX).is_err());
    }
}
