//! The environment in run folders that tests make themselves.

use ip2p_sweep::store::Environment;

pub fn environment() -> Environment {
    Environment {
        ip2p: "0.1.0".to_owned(),
        onnxruntime: "1.32.0".to_owned(),
        device: "cpu".to_owned(),
        device_name: None,
        provider: "CPUExecutionProvider".to_owned(),
        os: "linux x86_64".to_owned(),
        cpu: None,
        threads: 2,
        arithmetic: None,
        started: jiff::Timestamp::from_second(1_790_000_000).unwrap(),
    }
}
