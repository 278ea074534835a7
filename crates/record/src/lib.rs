//! The documents that are exported: paths into them, the types of their properties, and how their bytes are read.

mod path;
mod property_type;

pub use path::{Path, PathError};
pub use property_type::PropertyType;
