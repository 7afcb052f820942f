//! Several processes on one PostgreSQL: they share the work, none costs the others anything when
//! it dies or freezes, and what they tell each other may get lost on the way.

mod freeze;
mod member;
mod notifications;
mod pace;
mod pooler;
mod share;
