//! The admin-api Lambda.

fn main() {}
