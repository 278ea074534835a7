//! The surface over in-memory ports, for tests.
