// A library that ONNX Runtime loads and never calls.
extern "C" int stand_in_empty() { return 0; }
