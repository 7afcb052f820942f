//! The hot path: ingest, claim, finish, hold, release.
