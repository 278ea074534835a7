//! Lists of records.
