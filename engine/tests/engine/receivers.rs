//! Attempts at good, slow, broken and hostile receivers, over real sockets and real TLS on
//! this machine.

mod cases;
mod certificates;
mod egress_proxy;
mod healthy;
mod hostile;
mod kept_connections;
mod local_faults;
mod names;
mod receiver;
mod sender;
mod slow;
mod tls;
