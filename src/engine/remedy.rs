//! What to suggest if a device has too little memory for one cell and one component at a time.

use super::Job;

impl Job<'_> {
    /// Suggests how a cell could need less memory or be given more, leaving out what is already set.
    pub(super) fn less_memory(&self) -> String {
        let on_gpu = self.device.facts().is_gpu;
        let limit = self.memory_limit_mib;
        let raise = limit.map(|mib| format!("raise runtime.memory_limit_mib, which is {mib}"));
        let others = [
            (true, "lower size.resolution"),
            (on_gpu && self.precision != "fp16", "use an fp16 model"),
            (on_gpu, "set device = \"cpu\""),
            (!on_gpu && limit.is_none(), "close other programs"),
        ];
        let others = others.into_iter().filter(|(helps, _)| *helps);
        let others = others.map(|(_, remedy)| remedy.to_owned());
        let remedies: Vec<String> = raise.into_iter().chain(others).collect();
        match remedies.split_last() {
            Some((last, first)) if !first.is_empty() => format!("{}, or {last}", first.join(", ")),
            _ => remedies.concat(),
        }
    }
}
