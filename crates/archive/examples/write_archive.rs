//! Writes an archive at the limits of the format: `cargo run --release -p waybill-archive --example write_archive -- long PATH`.
//!
//! What other readers make of it: `crates/archive/tests/read_everywhere.sh PATH`.

#[path = "../tests/generated/mod.rs"]
mod generated;

use generated::Shape;
use std::fs::File;
use std::io;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names = Shape::ALL.map(|(name, _)| name).join("|");
    let usage = || io::Error::other(format!("usage: write_archive {names} PATH"));
    let [name, path] = arguments.as_slice() else { return Err(usage()) };
    let (_, shape) = Shape::ALL.into_iter().find(|(known, _)| known == name).ok_or_else(usage)?;
    generated::write(shape, &mut File::create(path)?)
}
