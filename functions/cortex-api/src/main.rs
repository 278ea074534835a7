//! The cortex-api Lambda.

fn main() {}
