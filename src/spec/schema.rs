//! The JSON Schema of sweep files, by which editors complete and check them.

/// The schema (draft 2020-12) as JSON text.
pub fn schema() -> &'static str {
    include_str!("sweep.schema.json")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::super::keys::Table;
    use super::super::text::MAX_TEXT_BYTES;
    use super::super::{
        CELL_SIDES, MAX_MEMORY_MIB, MAX_STEPS, MAX_THREADS, MemoryPolicy, Parameter, tables, valid,
    };
    use super::schema;
    use crate::vocabulary::SchedulerKind;

    fn root() -> Value {
        serde_json::from_str(schema()).unwrap()
    }

    fn table(root: &Value, table: Table) -> Value {
        match table {
            Table::Root => root.clone(),
            _ if table.repeats() => root["properties"][table.name()]["items"].clone(),
            _ => root["properties"][table.name()].clone(),
        }
    }

    #[test]
    fn the_schema_and_the_parser_know_the_same_keys() {
        let root = root();
        for each in [Table::Root].into_iter().chain(Table::NAMED) {
            let described = table(&root, each);
            let properties = described["properties"].as_object().unwrap();
            let known: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            let parsed: BTreeSet<&str> = each.keys().iter().copied().collect();
            assert_eq!(known, parsed, "{}", each.name());
            assert_eq!(
                described["additionalProperties"],
                json!(false),
                "{}",
                each.name()
            );
        }
    }

    #[test]
    fn every_key_is_described() {
        let root = root();
        for each in [Table::Root].into_iter().chain(Table::NAMED) {
            for (key, value) in table(&root, each)["properties"].as_object().unwrap() {
                let text = value["description"].as_str().unwrap_or_default();
                assert!(text.len() > 10, "{}.{key}", each.name());
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn visit(root: &Value, value: &Value) {
            match value {
                Value::Object(entries) => {
                    if let Some(target) = entries.get("$ref").and_then(Value::as_str) {
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(root.pointer(pointer).is_some(), "{target}");
                    }
                    entries.values().for_each(|value| visit(root, value));
                }
                Value::Array(values) => values.iter().for_each(|value| visit(root, value)),
                _ => {}
            }
        }
        visit(&root(), &root());
    }

    #[test]
    fn the_schema_and_the_parser_have_the_same_words_and_limits() {
        let root = root();
        let at = |pointer: &str| root.pointer(pointer).cloned().unwrap_or(Value::Null);
        assert_eq!(
            at("/$defs/scheduler/enum"),
            json!(SchedulerKind::ALL.map(SchedulerKind::name))
        );
        assert_eq!(
            at("/$defs/axis/enum"),
            json!(Parameter::ALL.map(Parameter::key))
        );
        assert_eq!(
            at("/properties/size/properties/fit/enum"),
            json!(tables::FITS)
        );
        assert_eq!(
            at("/properties/numerics/properties/noise/enum"),
            json!(tables::NOISES)
        );
        assert_eq!(
            at("/properties/numerics/properties/guidance/enum"),
            json!(tables::GUIDANCES)
        );
        let tile = |key: &str| {
            at(&format!(
                "/properties/numerics/properties/vae_tile/oneOf/{key}"
            ))
        };
        assert_eq!(tile("0/enum"), json!(tables::VAE_TILES));
        assert_eq!(tile("1/minimum"), json!(tables::TILE.0));
        assert_eq!(tile("1/maximum"), json!(tables::TILE.1));
        assert_eq!(
            at("/properties/runtime/properties/memory/enum"),
            json!(MemoryPolicy::CHOICES)
        );
        assert_eq!(
            at("/properties/runtime/properties/threads/maximum"),
            json!(MAX_THREADS)
        );
        assert_eq!(
            at("/properties/runtime/properties/batch/oneOf/1/maximum"),
            json!(tables::MAX_BATCH)
        );
        assert_eq!(
            at("/properties/runtime/properties/memory_limit_mib/maximum"),
            json!(MAX_MEMORY_MIB)
        );
        assert_eq!(
            at("/properties/name/maxLength"),
            json!(valid::MAX_NAME_BYTES)
        );
        assert_eq!(at("/$defs/prompt/maxLength"), json!(MAX_TEXT_BYTES));
        assert_eq!(at("/$defs/steps/maximum"), json!(MAX_STEPS));
        assert_eq!(at("/$defs/side/minimum"), json!(tables::SIDE.0));
        assert_eq!(at("/$defs/side/maximum"), json!(tables::SIDE.1));
        assert_eq!(
            at("/properties/sheet/properties/cell/minimum"),
            json!(CELL_SIDES.0)
        );
        assert_eq!(
            at("/properties/sheet/properties/cell/maximum"),
            json!(CELL_SIDES.1)
        );
        for (key, (min, max)) in [
            ("perceptual_mean", tables::PERCEPTUAL),
            ("perceptual_p99", tables::PERCEPTUAL),
            ("ssim", tables::SSIM),
            ("latents", tables::LATENTS),
            ("drift", tables::DRIFT),
        ] {
            let of = format!("/properties/check/properties/{key}");
            assert_eq!(at(&format!("{of}/minimum")), json!(min));
            assert_eq!(at(&format!("{of}/maximum")), json!(max));
        }
        let default = super::super::CheckSpec::default();
        let given = |key| at(&format!("/properties/check/properties/{key}/default")).as_f64();
        assert_eq!(given("perceptual_mean"), Some(default.perceptual_mean));
        assert_eq!(given("perceptual_p99"), Some(default.perceptual_p99));
        assert_eq!(given("ssim"), Some(default.ssim));
        assert_eq!(given("latents"), Some(default.latents));
        assert_eq!(given("drift"), Some(default.drift));
        assert_eq!(at("/$defs/scale/maximum"), json!(100));
        assert_eq!(at("/$defs/seed/oneOf/0/maximum"), json!(u64::MAX));
    }
}
