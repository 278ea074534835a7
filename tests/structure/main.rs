//! The shape of the repository, checked: arrows between rooms, the template, manifests, documents and source files.
//!
//! A checker is a function from text or metadata to a list of violations. Each is run on the repository, where the
//! list must be empty, and on a small bad input, where it must not be.

#[cfg(test)]
mod arrows;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod source_files;
#[cfg(all(test, feature = "stack"))]
mod tables;
#[cfg(test)]
mod template;
#[cfg(test)]
mod yaml;
