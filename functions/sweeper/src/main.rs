//! The sweeper Lambda.

fn main() {}
