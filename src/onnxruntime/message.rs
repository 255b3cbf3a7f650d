//! Makes ONNX Runtime's messages readable for users.

/// A message on a single line, without positions in ONNX Runtime's source code.
pub(super) fn plain(message: &str) -> String {
    let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    // Omit the graph of a convolution that cuDNN has no plan for: a kilobyte of text, and the node's name is already
    // there.
    let words = words
        .split_once(" with the cudnn frontend json:")
        .map_or(words.as_str(), |(said, _)| said);
    // "file.cc:12 function [ONNXRuntimeError] : 1 : FAIL : message"
    let said = words
        .rsplit_once("[ONNXRuntimeError] : ")
        .and_then(|(_, said)| said.splitn(3, " : ").nth(2));
    without_places(said.unwrap_or(words))
}

/// Removes positions such as `file.cc:12 void* name::function(size_t, bool)` and `; file=file.cc ; line=12`.
fn without_places(message: &str) -> String {
    let mut plain = String::new();
    let mut rest = message;
    while let Some((before, after)) = split_at_place(rest) {
        plain.push_str(before);
        rest = after_signature(after);
    }
    plain.push_str(rest);
    let segments = plain.split(" ; ");
    let said = segments.filter(|said| !said.starts_with("file=") && !said.starts_with("line="));
    said.collect::<Vec<_>>().join(" ; ").trim_end().to_owned()
}

/// The text before and after the first word of the form `file.cc:12`.
fn split_at_place(message: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    message.split_inclusive(' ').find_map(|word| {
        let start = end;
        end += word.len();
        is_place(word.trim_end()).then(|| (&message[..start], &message[end..]))
    })
}

fn is_place(word: &str) -> bool {
    const SOURCES: [&str; 6] = [".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp"];
    word.rsplit_once(':').is_some_and(|(file, line)| {
        line.parse::<u32>().is_ok() && SOURCES.iter().any(|end| file.ends_with(end))
    })
}

/// The text after a function's signature. GCC writes `void* name::function(size_t) const [with T = int]`, MSVC
/// `name::function`.
fn after_signature(text: &str) -> &str {
    let is_signature = |head: &str| {
        let name = head.rsplit(' ').next().unwrap_or_default();
        !name.is_empty() && (name.contains("::") || name == head) && !head.contains(": ")
    };
    match text.split_once('(') {
        Some((head, _)) if is_signature(head) => {
            let rest = after_closing(text, '(', ')').trim_start();
            let rest = rest.strip_prefix("const ").unwrap_or(rest);
            match rest.starts_with("[with ") {
                true => after_closing(rest, '[', ']').trim_start(),
                false => rest,
            }
        }
        _ => match text.split_once(' ') {
            Some((name, rest)) if name.contains("::") => rest,
            _ => text,
        },
    }
}

/// The text after the bracket that closes the first one.
fn after_closing(text: &str, open: char, close: char) -> &str {
    let mut depth = 0;
    for (index, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth -= 1;
            if depth == 0 {
                return &text[index + close.len_utf8()..];
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line_without_source_positions() {
        for (message, said) in [
            (
                "/src/bridge.cc:2043 Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load\n  a : b",
                "Failed to load a : b",
            ),
            ("std::bad_alloc", "std::bad_alloc"),
            (
                "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. \
                 Name:'/conv/Conv' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 \
                 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*, bool, \
                 onnxruntime::WaitNotificationFn) Failed to allocate memory for requested buffer of size 2830172160",
                "Non-zero status code returned while running Conv node. Name:'/conv/Conv' Status Message: \
                 Failed to allocate memory for requested buffer of size 2830172160",
            ),
            (
                "Exception during initialization: D:\\a\\core\\framework\\bfc_arena.cc:360 \
                 onnxruntime::BFCArena::AllocateRawInternal Available memory of 3 is smaller than requested bytes of 9 (CPU)",
                "Exception during initialization: Available memory of 3 is smaller than requested bytes of 9 (CPU)",
            ),
            (
                "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:121 std::conditional_t<THRW, void, \
                 common::Status> onnxruntime::CudaCall(ERRTYPE, const char*, int (*)(int)) [with ERRTYPE = cudaError; \
                 bool THRW = true] CUDA failure 2: out of memory ; GPU=0 ; hostname=node ; \
                 file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_allocator.cc ; line=48 ; \
                 expr=cudaMalloc((void**)&p, size);",
                "CUDA failure 2: out of memory ; GPU=0 ; hostname=node ; expr=cudaMalloc((void**)&p, size);",
            ),
            (
                "Non-zero status code returned while running Conv node. Name:'/conv_in/Conv' Status Message: OP not \
                 supported by CUDNN Frontend: CUDNN_FE failure 6: GRAPH_EXECUTION_PLAN_CREATION_FAILED ; GPU=0 ; \
                 hostname=node ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/nn/conv.cc ; line=224 ; \
                 expr=s_.cudnn_fe_graph->build_plans(handle); with the cudnn frontend json:\n\
                 {\"context\":{\"compute_data_type\":\"FLOAT\"},\"nodes\":[{\"dilation\":[1,1]}]}",
                "Non-zero status code returned while running Conv node. Name:'/conv_in/Conv' Status Message: OP not \
                 supported by CUDNN Frontend: CUDNN_FE failure 6: GRAPH_EXECUTION_PLAN_CREATION_FAILED ; GPU=0 ; \
                 hostname=node ; expr=s_.cudnn_fe_graph->build_plans(handle);",
            ),
            (
                "model.onnx: node (a.cc:1x) is wrong at 12:30",
                "model.onnx: node (a.cc:1x) is wrong at 12:30",
            ),
        ] {
            assert_eq!(plain(message), said);
        }
    }
}
