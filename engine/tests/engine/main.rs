//! Stories of the engine, on both databases. One binary, because each that links the engine takes
//! a second and 65 MB.

mod backlog;
mod bounded;
mod closing;
mod delivery;
mod drafts;
mod erasure;
mod events;
mod fairness;
mod live_pages;
mod log;
mod model;
mod neighbours;
mod options;
mod outages;
mod receivers;
mod resends;
mod retention;
mod standard_webhooks;
mod streams;
mod surroundings;
mod suspension;
mod traces;
mod unreadable;
mod versions;
mod webhook_list;
