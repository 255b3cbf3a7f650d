//! The exact wheels that are fetched, pinned by SHA-256.
//!
//! ONNX Runtime has a wheel for each CPython version, but they contain the same library; the one for CPython 3.12 is
//! fetched whichever Python is used for fetching. The CUDA libraries are those of CUDA 13.0 update 2 and cuDNN 9.24,
//! with which the provider of ONNX Runtime 1.31.1 loads; with cuDNN 9.26 and cuBLAS 13.8 it was seen to fail silently.

/// One wheel on the package index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pin {
    /// The project's name on the index.
    pub name: &'static str,
    pub version: &'static str,
    /// The platform tag to request from pip.
    pub platform: &'static str,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: &'static str,
}

impl Pin {
    /// The requirement in pip's syntax.
    pub fn requirement(&self) -> String {
        format!("{}=={}", self.name, self.version)
    }
}

/// The CPU build for an operating system and processor, as named in `std::env::consts`.
pub(super) fn cpu(system: &str, processor: &str) -> Option<Pin> {
    let (platform, sha256) = match (system, processor) {
        ("linux", "x86_64") => (
            "manylinux_2_28_x86_64",
            "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
        ),
        ("linux", "aarch64") => (
            "manylinux_2_28_aarch64",
            "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
        ),
        ("macos", "aarch64") => (
            "macosx_14_0_arm64",
            "d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e",
        ),
        ("windows", "x86_64") => (
            "win_amd64",
            "efe7456952c243a05a53d5b8732953625144642c2f3989094277f6217f0c0c40",
        ),
        ("windows", "aarch64") => (
            "win_arm64",
            "64d394c69d561af3efd4d4f49dcac8f11d0ce135a20701c16d53b74056cd4cf8",
        ),
        _ => return None,
    };
    Some(Pin {
        name: "onnxruntime",
        version: "1.32.0",
        platform,
        sha256,
    })
}

/// The CUDA build and the libraries it needs besides the driver.
pub(super) fn cuda(system: &str, processor: &str) -> Option<&'static [Pin]> {
    ((system, processor) == ("linux", "x86_64")).then_some(&CUDA)
}

const CUDA: [Pin; 7] = [
    Pin {
        name: "onnxruntime-gpu",
        version: "1.31.1",
        platform: "manylinux_2_28_x86_64",
        sha256: "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
    },
    Pin {
        name: "nvidia-cuda-runtime",
        version: "13.0.96",
        platform: "manylinux2014_x86_64",
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    },
    Pin {
        name: "nvidia-cuda-nvrtc",
        version: "13.0.88",
        platform: "manylinux2010_x86_64",
        sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
    },
    Pin {
        name: "nvidia-nvjitlink",
        version: "13.0.88",
        platform: "manylinux2010_x86_64",
        sha256: "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
    },
    Pin {
        name: "nvidia-cublas",
        version: "13.1.1.3",
        platform: "manylinux_2_27_x86_64",
        sha256: "37936a16db8fe4ac1f065c2139360608a543a09275cb1a1af612e08cfa065436",
    },
    Pin {
        name: "nvidia-curand",
        version: "10.4.0.35",
        platform: "manylinux_2_27_x86_64",
        sha256: "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
    },
    Pin {
        name: "nvidia-cudnn-cu13",
        version: "9.24.0.43",
        platform: "manylinux_2_27_x86_64",
        sha256: "71f181cd810e90f9b6023b01186fe82d13d65f0ec098581ee201d39fad769e4b",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_a_whole_sha256() {
        let cpu = [
            ("linux", "x86_64"),
            ("linux", "aarch64"),
            ("macos", "aarch64"),
        ];
        let pins = cpu
            .into_iter()
            .filter_map(|(system, processor)| super::cpu(system, processor))
            .chain(CUDA);
        for pin in pins {
            assert_eq!(pin.sha256.len(), 64, "{pin:?}");
            assert!(pin.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn an_unknown_platform_has_no_pin() {
        assert_eq!(cpu("plan9", "x86_64"), None);
        assert_eq!(cuda("macos", "aarch64"), None);
    }

    #[test]
    fn the_wheel_depends_on_the_builds_that_are_pinned_here() {
        let project: toml::Table = include_str!("../../pyproject.toml").parse().unwrap();
        let project = &project["project"];
        let list = |value: &toml::Value| -> Vec<String> {
            let values = value.as_array().unwrap().iter();
            values
                .map(|value| value.as_str().unwrap().to_owned())
                .collect()
        };
        let cpu = super::cpu("linux", "x86_64").unwrap();
        assert_eq!(list(&project["dependencies"]), [cpu.requirement()]);
        let cuda = CUDA.map(|pin| pin.requirement());
        assert_eq!(list(&project["optional-dependencies"]["cuda"]), cuda);
    }
}
