//! The driver's calls.
