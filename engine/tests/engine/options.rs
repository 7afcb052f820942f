//! What an endpoint can have besides: headers of its own, the attributes of CloudEvents, a
//! rest that its receiver asks for, a throttle, a filter. On both databases.

mod filters;
mod headers;
mod rests;
mod throttles;
mod world;
