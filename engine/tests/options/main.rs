//! What an endpoint can have besides: headers of its own, the attributes of CloudEvents, a
//! rest that its receiver asks for, a throttle. On both databases.

mod headers;
mod rests;
mod throttles;
mod world;
