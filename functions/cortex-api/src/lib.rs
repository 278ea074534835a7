//! cortex-api.
