use fantoccini as _; use tokio as _;
