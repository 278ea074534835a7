//! The sandbox in which the scripts of tenants run.
