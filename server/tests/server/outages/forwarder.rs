//! An address that leads to one server and then to another one, as a virtual IP does.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Takes connections, and passes them on to where it leads at that moment. They end when it leads
/// elsewhere.
pub struct Forwarder {
    pub address: SocketAddr,
    leads_to: watch::Sender<u16>,
}

impl Forwarder {
    /// Leads to a port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let leads_to = watch::Sender::new(port);
        let place = leads_to.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, place.clone()));
            }
        });
        Self { address, leads_to }
    }

    /// Leads to another port.
    pub fn lead_to(&self, port: u16) {
        self.leads_to.send_replace(port);
    }
}

async fn pass_on(mut client: TcpStream, mut place: watch::Receiver<u16>) {
    let port = *place.borrow_and_update();
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = place.changed() => {}
    }
}
