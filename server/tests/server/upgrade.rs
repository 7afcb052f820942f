//! The promise about upgrades, kept by real binaries: versions beside each other on one database,
//! restarted in the middle and rolled back, lose no event.

mod later;
mod previous;
