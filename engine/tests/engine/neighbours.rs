//! One customer costs another no time.
//!
//! Each story tells of one bad neighbour. A healthy customer sends the same events
//! on two streets, in turn: on the quiet one it is alone, on the noisy one the bad
//! neighbour goes on meanwhile. Both streets are engines of their own on a database
//! of the same kind, so that a busy machine slows both, and only waiting for the
//! neighbour slows one.

mod backlog;
mod backlogs;
mod crowds;
mod filters;
mod neighbourhood;
mod pages;
mod receivers;
mod rows;
