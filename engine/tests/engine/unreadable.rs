//! A row that cannot be used stops only itself: the other webhooks of its account and
//! all other accounts are served as if it were not there.

mod deliveries;
mod endpoints;
mod instants_and_amounts;
mod queues;
mod world;
